//! What the simulation found, told on purpose.

use std::time::Duration;

use embus_engine::stream::SyncPolicy;
use embus_storage::medium::crash::Fault;

use super::message::{Fate, Undoing, number_of};
use super::slots::{Config, SLOTS};
use super::world::{Down, World};

/// A synced stream with one message.
fn world() -> Result<World, Down> {
    world_of(1, SyncPolicy::Always)
}

fn world_of(seed: u64, policy: SyncPolicy) -> Result<World, Down> {
    let mut world = World::new(seed);
    (world.slots, world.policy) = (vec![0], policy);
    world.try_start(false)?;
    let config = Config::random(0, 0, &mut world.rng);
    world.create(0, config)?;
    world.drain()?;
    world.publish(0)?;
    world.drain()?;
    assert_eq!(world.attempts[0].fate, Fate::Stored(1));
    Ok(world)
}

/// The disk fails so that the stream can not even be read again: what waited in memory is not told to anybody, and
/// whoever asks for it gets an answer all the same.
#[test]
fn a_refused_message_is_never_read() -> Result<(), Down> {
    let mut world = world()?;
    (world.is_faulty, world.undoing) = (true, Undoing::Open);
    world.machine.fail_from(world.machine.calls() + 1, Fault::Io);
    world.publish(0)?;
    world.drain()?;
    assert_eq!(world.attempts[1].fate, Fate::Refused(Undoing::Open));
    let name = SLOTS[0].name;
    for endpoint in ["STREAM.MSG.GET", "DIRECT.GET"] {
        let answers = world.ask(&format!("$JS.API.{endpoint}.{name}"), r#"{"seq":2}"#)?;
        let is_error = answers[0].payload.starts_with(b"{\"type\"") && number_of(&answers[0].payload).is_none();
        assert!(is_error || answers[0].headers.contains(" 500 "), "{endpoint}: {answers:?}");
        assert!(!answers[0].headers.contains("Nats-Sequence"), "{endpoint}: {answers:?}");
    }
    world.heal()
}

/// With an interval, what a start found in the page cache is synced as well when the interval has passed.
#[test]
fn what_a_start_found_is_synced_in_time() -> Result<(), Down> {
    let interval = Duration::from_millis(200);
    for seed in 0..20 {
        let mut world = world_of(seed, SyncPolicy::Interval(interval))?;
        world.machine.crash();
        world.bury();
        world.start();
        world.advance(interval)?;
        world.drain()?;
        world.streams[0].model.all_durable();
        world.machine.cut_power();
        world.bury();
        world.start();
    }
    Ok(())
}

/// Whoever asks to remove a message is told when that is durable, whatever the policy is.
#[test]
fn a_removal_is_durable_when_it_is_answered() -> Result<(), Down> {
    for seed in 0..20 {
        let mut world = world_of(seed, SyncPolicy::Os)?;
        let subject = format!("$JS.API.STREAM.MSG.DELETE.{}", SLOTS[0].name);
        let answers = world.ask(&subject, r#"{"seq":1}"#)?;
        assert!(answers[0].payload.ends_with(b"\"success\":true}"), "{answers:?}");
        world.streams[0].model.removed(0, &[1], 1, false);
        world.machine.cut_power();
        world.bury();
        world.start();
    }
    Ok(())
}

/// A message goes that nobody asked to remove: the checks must see it.
#[test]
#[should_panic(expected = "acknowledged 1 is lost")]
fn a_lost_message_is_noticed() {
    let mut world = world().expect("nothing fails");
    let engine = world.engine().expect("it runs");
    let stream = engine.jetstream().and_then(|jetstream| jetstream.get(SLOTS[0].name)).expect("it is there");
    stream.with(|core| core.delete_message(1)).expect("it is there");
    let _ = world.check();
}

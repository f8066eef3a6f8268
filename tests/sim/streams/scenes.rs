//! What the simulation found, told on purpose.

use embus_engine::stream::SyncPolicy;
use embus_storage::medium::crash::Fault;

use super::message::{Fate, number_of};
use super::slots::{Config, SLOTS};
use super::world::{Down, World};

/// A synced stream with one message.
fn world() -> Result<World, Down> {
    let mut world = World::new(1);
    world.slots = vec![0];
    world.policy = SyncPolicy::Always;
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
    (world.is_faulty, world.is_hopeless) = (true, true);
    world.machine.fail_from(world.machine.calls() + 1, Fault::Io);
    world.publish(0)?;
    world.drain()?;
    assert_eq!(world.attempts[1].fate, Fate::Refused);
    let name = SLOTS[0].name;
    for endpoint in ["STREAM.MSG.GET", "DIRECT.GET"] {
        let answers = world.ask(&format!("$JS.API.{endpoint}.{name}"), r#"{"seq":2}"#)?;
        let is_error = answers[0].payload.starts_with(b"{\"type\"") && number_of(&answers[0].payload).is_none();
        assert!(is_error || answers[0].headers.contains(" 500 "), "{endpoint}: {answers:?}");
        assert!(!answers[0].headers.contains("Nats-Sequence"), "{endpoint}: {answers:?}");
    }
    world.heal()
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

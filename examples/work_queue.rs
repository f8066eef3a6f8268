//! A work queue: each job is handed to one worker at a time, again if that one fails, and is gone when it is done. Ends by
//! itself.
//!
//! `cargo run -p embus-examples --example work_queue`

use embus::jetstream::{self, AckKind, consumer, stream};
use embus::{Broker, Error};
use futures_util::{StreamExt, TryStreamExt};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let config = stream::Config {
        name: "JOBS".into(),
        subjects: vec!["jobs.*".into()],
        retention: stream::RetentionPolicy::WorkQueue,
        ..Default::default()
    };
    let broker = Broker::builder().stream(config).start().await?;
    let context = jetstream::new(broker.client());
    for chair in 0..6 {
        context.publish("jobs.paint", format!("chair {chair}").into()).await?.await?;
    }

    let workers = tokio::try_join!(work(&context, "Ada"), work(&context, "Bob"))?;
    println!("done by each: {workers:?}");
    let left = context.get_stream("JOBS").await?.cached_info().state.messages;
    assert_eq!((workers.0 + workers.1, left), (6, 0));
    Ok(())
}

/// Works until nothing is left; says how much was done.
async fn work(context: &jetstream::Context, name: &str) -> Result<usize, Error> {
    let config = consumer::pull::Config { durable_name: Some("painters".into()), ..Default::default() };
    let stream = context.get_stream("JOBS").await?;
    let painters = stream.get_or_create_consumer("painters", config).await?;
    let mut done = 0;
    loop {
        let mut job = painters.fetch().max_messages(1).messages().await?;
        let Some(message) = job.try_next().await? else { return Ok(done) };
        // The first time, chair 3 falls down: it comes again.
        if message.payload == "chair 3" && message.info()?.delivered == 1 {
            message.ack_with(AckKind::Nak(None)).await?;
            continue;
        }
        println!("{name} paints {:?}", message.payload);
        message.double_ack().await?;
        done += 1;
        drop(job.next().await);
    }
}

//! A stream on the disk: published to with limits, read back after the broker was stopped and started again. Ends by
//! itself.
//!
//! `cargo run -p embus-examples --example stream`

use std::path::Path;
use std::time::Duration;

use embus::Broker;
use embus::jetstream::{self, stream};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::temp_dir().join(format!("embus-stream-{}", std::process::id()));
    publish(&dir).await?;
    read_back(&dir).await?;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

/// A broker with the stream that the program wants, whatever was there before.
async fn start(dir: &Path) -> Result<Broker, embus::StartError> {
    let orders = stream::Config {
        name: "ORDERS".into(),
        subjects: vec!["orders.>".into()],
        max_messages: 1000,
        max_messages_per_subject: 2,
        max_age: Duration::from_secs(7 * 24 * 3600),
        ..Default::default()
    };
    Broker::builder().store_dir(dir).stream(orders).start().await
}

async fn publish(dir: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let broker = start(dir).await?;
    let jetstream = jetstream::new(broker.client());

    // Messages share a trip to the disk if they do not wait for each other.
    let mut acks = Vec::new();
    for order in 1..=3 {
        acks.push(jetstream.publish("orders.eu", format!("order {order}").into()).await?);
    }
    for ack in acks {
        println!("on the disk: message {}", ack.await?.sequence);
    }
    broker.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

async fn read_back(dir: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let broker = start(dir).await?;
    let stream = jetstream::new(broker.client()).get_stream("ORDERS").await?;
    println!("{} of 3 messages are kept: two per subject", stream.cached_info().state.messages);
    let last = stream.get_last_raw_message_by_subject("orders.eu").await?;
    println!("the last one is {:?}, stored at {}", last.payload, last.time);
    broker.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

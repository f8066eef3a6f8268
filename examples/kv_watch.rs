//! A watch: what is there, the mark that this was all, then every change; and a time to live that ends. Ends by itself.
//!
//! `cargo run -p embus-examples --example kv_watch`

use std::time::Duration;

use embus::Broker;
use embus::jetstream::{self, kv};
use futures_util::StreamExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = kv::Config {
        bucket: "sessions".into(),
        // Keys may have a time to live of their own, and watches are told when it is over.
        limit_markers: Some(Duration::from_secs(60)),
        ..Default::default()
    };
    let broker = Broker::builder().bucket(config).start().await?;
    let sessions = jetstream::new(broker.client()).get_key_value("sessions").await?;
    sessions.put("ada", "here".into()).await?;

    let mut events = sessions.watch_with_history(">").await?.events();
    sessions.create_with_ttl("bob", "for a second".into(), Duration::from_secs(1)).await?;
    while let Some(event) = events.next().await.transpose()? {
        match event {
            kv::Event::Entry(entry) if entry.operation == kv::Operation::Put => println!("{} came", entry.key),
            kv::Event::Entry(entry) => {
                println!("{} is gone", entry.key);
                break;
            }
            kv::Event::Current => println!("that was all; what follows is new"),
        }
    }
    Ok(())
}

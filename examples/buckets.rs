//! Three buckets on the disk: put, got, watched, and all there after a restart. Ends by itself.
//!
//! `cargo run -p embus-examples --example buckets`

use std::path::Path;
use std::time::Duration;

use embus::Broker;
use embus::jetstream::{self, kv};
use futures_util::StreamExt;

const BUCKETS: [&str; 3] = ["lobbies", "boards", "users"];

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::temp_dir().join(format!("embus-buckets-{}", std::process::id()));
    write(&dir).await?;
    read_back(&dir).await?;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

/// A broker with the buckets that the program wants, whatever was there before.
async fn start(dir: &Path) -> Result<Broker, embus::StartError> {
    let mut builder = Broker::builder().store_dir(dir);
    for bucket in BUCKETS {
        builder = builder.bucket(kv::Config {
            bucket: bucket.into(),
            compression: true,
            max_age: Duration::from_secs(3600),
            max_bytes: 16 * 1024 * 1024,
            ..Default::default()
        });
    }
    builder.start().await
}

async fn write(dir: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let broker = start(dir).await?;
    let users = jetstream::new(broker.client()).get_key_value("users").await?;
    let mut changes = users.watch_all().await?;
    users.put("7.name", "Ada".into()).await?;
    let change = changes.next().await.ok_or("a watch does not end by itself")??;
    println!("{} is {:?} now", change.key, change.value);
    broker.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

async fn read_back(dir: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let broker = start(dir).await?;
    let jetstream = jetstream::new(broker.client());
    for bucket in BUCKETS {
        println!("{bucket}: {} entries", jetstream.get_key_value(bucket).await?.status().await?.values());
    }
    let name = jetstream.get_key_value("users").await?.get("7.name").await?;
    println!("7.name is still {name:?}");
    broker.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

//! A bucket: put, get, revisions, histories, deletes. Ends by itself.
//!
//! `cargo run -p embus-examples --example kv`

use embus::Broker;
use embus::jetstream::{self, kv};
use futures_util::TryStreamExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = kv::Config { bucket: "settings".into(), history: 5, ..Default::default() };
    let broker = Broker::builder().bucket(config).start().await?;
    let settings = jetstream::new(broker.client()).get_key_value("settings").await?;

    let first = settings.create("theme", "dark".into()).await?;
    let second = settings.update("theme", "light".into(), first).await?;
    println!("theme is {:?} at revision {second}", settings.get("theme").await?);

    let late = settings.update("theme", "blue".into(), first).await;
    assert_eq!(late.map_err(|error| error.kind()), Err(kv::UpdateErrorKind::WrongLastRevision));
    println!("who has not seen the last change changes nothing");

    settings.delete("theme").await?;
    assert_eq!(settings.get("theme").await?, None);
    let history: Vec<_> = settings.history("theme").await?.try_collect().await?;
    for entry in &history {
        println!("revision {}: {:?} {:?}", entry.revision, entry.operation, entry.value);
    }
    assert_eq!(history.len(), 3);
    Ok(())
}

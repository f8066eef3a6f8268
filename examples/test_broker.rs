//! A test of a service that talks to a broker: started in no time, alone in the world, with a clock that is advanced by hand
//! and a power cut on command. Ends by itself.
//!
//! `cargo run -p embus-examples --example test_broker`

use std::time::Duration;

use embus::jetstream::{self, kv};
use embus::{Client, TestBroker};

/// What is tested: carts are forgotten after a day.
async fn carts(client: &Client) -> Result<kv::Store, Box<dyn std::error::Error>> {
    let config = kv::Config { bucket: "carts".into(), max_age: Duration::from_secs(24 * 3600), ..Default::default() };
    Ok(jetstream::new(client.clone()).create_or_update_key_value(config).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let broker = TestBroker::start().await?;
    let store = carts(&broker.client()).await?;
    store.put("ada", "two chairs".into()).await?;
    assert_eq!(broker.published("$KV.carts.>").len(), 1);
    println!("the put was seen without a subscription");

    broker.crash().await?;
    broker.restart().await?;
    let store = carts(&broker.client()).await?;
    assert!(store.get("ada").await?.is_some());
    println!("a power cut costs nothing that was acknowledged");

    broker.advance(Duration::from_secs(25 * 3600)).await;
    assert_eq!(store.get("ada").await?, None);
    println!("a day later the cart is gone");
    Ok(())
}

//! Publish and subscribe with wildcards: whoever is there gets every message whose subject fits. Ends by itself.
//!
//! `cargo run -p embus-examples --example pubsub`

use embus::Broker;
use futures_util::StreamExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let broker = Broker::builder().start().await?;
    let client = broker.client();
    let mut anything = client.subscribe("weather.>").await?;
    let mut rain = client.subscribe("weather.*.rain").await?;

    client.publish("weather.oslo.rain", "4 mm".into()).await?;
    client.publish("weather.rome.sun", "9 h".into()).await?;

    for _ in 0..2 {
        let message = anything.next().await.ok_or("the broker has stopped")?;
        println!("weather.>: {} = {:?}", message.subject, message.payload);
    }
    let message = rain.next().await.ok_or("the broker has stopped")?;
    println!("weather.*.rain: {} = {:?}", message.subject, message.payload);
    Ok(())
}

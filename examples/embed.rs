//! One broker for the program that holds it and for async-nats over TCP, at once: events and requests in both
//! directions. Ends by itself.
//!
//! `cargo run -p embus-examples --example embed`

use std::time::Duration;

use embus::Broker;
use futures_util::StreamExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let broker = Broker::builder().server_name("embed").listen("127.0.0.1:0").start().await?;
    let url = broker.client_url().ok_or("nothing listens")?;
    println!("listening at {url}");
    let (inside, outside) = (broker.client(), async_nats::connect(&url).await?);

    // Events from the program to async-nats, which does not wait until the broker knows of its subscription.
    let mut prices = outside.subscribe("prices.*").await?;
    broker.wait_for_interest("prices.chair").await;
    inside.publish("prices.chair", "49".into()).await?;
    let price = prices.next().await.ok_or("the subscription ended")?;
    println!("async-nats got {} = {:?}", price.subject, price.payload);

    // Events from async-nats to the program, where a subscription is known when `subscribe` returns.
    let mut orders = inside.subscribe("orders.*").await?;
    outside.publish("orders.eu", "two chairs".into()).await?;
    let order = orders.next().await.ok_or("the subscription ended")?;
    println!("the program got {} = {:?}", order.subject, order.payload);

    // The program answers requests of async-nats.
    let (mut questions, service) = (inside.subscribe("stock.*").await?, inside.clone());
    tokio::spawn(async move {
        while let Some(request) = questions.next().await {
            let Some(reply) = request.reply else { continue };
            service.publish(reply, "seven left".into()).await.expect("the broker runs as long as it is asked");
        }
    });
    let answer = outside.request("stock.chair", "how many?".into()).await?;
    println!("async-nats was answered {:?}", answer.payload);

    // async-nats answers requests of the program.
    let (mut tasks, worker) = (outside.queue_subscribe("resize", "workers".into()).await?, outside.clone());
    broker.wait_for_interest("resize").await;
    tokio::spawn(async move {
        while let Some(request) = tasks.next().await {
            let Some(reply) = request.reply else { continue };
            worker.publish(reply, "done".into()).await.expect("the connection is open as long as it is asked");
        }
    });
    let answer = inside.request("resize", "chair.png".into()).await?;
    println!("the program was answered {:?}", answer.payload);

    broker.shutdown(Duration::from_secs(5)).await;
    println!("stopped");
    Ok(())
}

//! Three workers in one queue group: each job goes to one of them, and to the auditor, who is in none. Ends by itself.
//!
//! `cargo run -p embus-examples --example queue_group`

use embus::{Broker, Client};
use futures_util::{StreamExt, future};

const JOBS: usize = 12;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let broker = Broker::builder().start().await?;
    let client = broker.client();
    let mut audit = client.subscribe("jobs.>").await?;
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(client.queue_subscribe("jobs.>", "workers".into()).await?);
    }
    publish(&client).await?;

    for worker in &mut workers {
        worker.unsubscribe().await?;
    }
    // What was published before they left is still theirs.
    let done = future::join_all(workers.into_iter().map(StreamExt::count)).await;
    println!("each worker did so many: {done:?}");
    assert_eq!(done.iter().sum::<usize>(), JOBS);

    audit.unsubscribe().await?;
    assert_eq!(audit.count().await, JOBS);
    println!("the auditor saw all {JOBS}");
    Ok(())
}

async fn publish(client: &Client) -> Result<(), embus::PublishError> {
    for job in 0..JOBS {
        client.publish("jobs.paint", format!("chair {job}").into()).await?;
    }
    Ok(())
}

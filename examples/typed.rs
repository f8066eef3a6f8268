//! Values instead of bytes: messages, and a bucket that is changed by many without losing a change. Ends by itself.
//!
//! `cargo run -p embus-examples --example typed`

use embus::Broker;
use embus::jetstream::{self, kv};
use futures_util::{StreamExt, future};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Goal {
    team: String,
    minute: u8,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Score {
    goals: u32,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = kv::Config { bucket: "scores".into(), ..Default::default() };
    let broker = Broker::builder().bucket(config).start().await?;
    let client = broker.client();
    let mut goals = client.subscribe("goals").await?.typed::<Goal>();
    let scores = jetstream::new(client.clone()).get_key_value("scores").await?.typed::<Score>();

    for minute in [12, 44, 90] {
        client.publish_typed("goals", &Goal { team: "reds".into(), minute }).await?;
    }
    for _ in 0..3 {
        let Goal { team, minute } = goals.next().await.ok_or("the broker has stopped")??.value;
        println!("{team} score in minute {minute}");
    }

    // All at once, and each counts.
    let count = |score: Option<Score>| Score { goals: score.unwrap_or_default().goals + 1 };
    future::try_join_all((0..3).map(|_| scores.modify("reds", count))).await?;
    let reds = scores.get("reds").await?.unwrap_or_default();
    println!("reds have {} goals", reds.goals);
    assert_eq!(reds.goals, 3);
    Ok(())
}

//! The same code inside and outside: a program that has a broker of its own until it is told of a NATS server. Ends by
//! itself.
//!
//! `cargo run -p embus-examples --example remote_switch`, or with `-- nats://HOST:PORT` behind it

use embus::Broker;

/// Compiled once for each client; not a line differs.
macro_rules! greeter {
    ($name:ident, $nats:ident) => {
        mod $name {
            use futures_util::StreamExt;
            use $nats as nats;

            pub(crate) async fn greet(client: nats::Client) -> Result<String, nats::Error> {
                let mut names = client.subscribe("names").await?;
                client.publish("names", "Ada".into()).await?;
                let name = names.next().await.ok_or("the broker has stopped")?;
                Ok(format!("hello, {}", std::str::from_utf8(&name.payload)?))
            }
        }
    };
}
greeter!(embedded, embus);
greeter!(remote, async_nats);

#[tokio::main]
async fn main() -> Result<(), embus::Error> {
    if let Some(url) = std::env::args().nth(1).filter(|argument| argument.starts_with("nats://")) {
        println!("{}", remote::greet(async_nats::connect(url).await?).await?);
        return Ok(());
    }
    let broker = Broker::builder().start().await?;
    println!("{}", embedded::greet(broker.client()).await?);
    Ok(())
}

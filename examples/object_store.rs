//! An object store: a large value, put and read in chunks. Ends by itself.
//!
//! `cargo run -p embus-examples --example object_store`

use embus::Broker;
use embus::jetstream::{self, object_store};
use futures_util::TryStreamExt;
use tokio::io::AsyncReadExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let broker = Broker::builder().start().await?;
    let config = object_store::Config { bucket: "pictures".into(), ..Default::default() };
    let pictures = jetstream::new(broker.client()).create_object_store(config).await?;

    let chair = vec![7; 1_000_000];
    let info = pictures.put("chair.png", &mut chair.as_slice()).await?;
    println!("{}: {} bytes in {} chunks, {}", info.name, info.size, info.chunks, info.digest.unwrap_or_default());

    let mut read = Vec::new();
    pictures.get("chair.png").await?.read_to_end(&mut read).await?;
    assert_eq!(read, chair);

    pictures.delete("chair.png").await?;
    let left: Vec<_> = pictures.list().await?.try_collect().await?;
    println!("{} objects left", left.len());
    Ok(())
}

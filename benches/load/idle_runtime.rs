//! A program that holds a tokio runtime and does nothing: what embus's own memory is compared with.

use std::io::{self, Read as _};

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async { println!("ready") });
    io::stdin().read_to_end(&mut Vec::new()).map(|_| ())
}

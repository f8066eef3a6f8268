//! A program's life: pages bound, messages there, served, ended.

use axum::Router;

use crate::site::Site;
use crate::{Failure, Messaging, Options};

/// Opens what messages go through, serves the pages that `open` makes, and closes it when the process is told to end.
///
/// # Errors
/// Why it does not start.
pub async fn run(
    options: &Options,
    open: impl AsyncFnOnce(&Messaging) -> Result<Router, Failure>,
) -> Result<(), Failure> {
    let site = Site::bind(options.port).await?;
    let messaging = Messaging::open(options).await?;
    let ended = match open(&messaging).await {
        Ok(pages) => site.serve(pages).await,
        Err(failure) => Err(failure),
    };
    messaging.close().await;
    ended
}

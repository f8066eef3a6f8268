//! Lists of streams, as asynchronous iterators.

use std::fmt;
use std::future::ready;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::jetstream::context::{Context, StreamsError};
use crate::jetstream::stream::Info;

/// The names of all streams, in order; see [`Context::stream_names`].
pub struct StreamNames(BoxStream<'static, Result<String, StreamsError>>);

impl StreamNames {
    pub(super) fn new(context: Context) -> Self {
        let names = move || Ok::<_, StreamsError>(stream::iter(context.store()?.names(None).into_iter().map(Ok)));
        Self(stream::once(async move { names() }).try_flatten().boxed())
    }
}

impl Stream for StreamNames {
    type Item = Result<String, StreamsError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl fmt::Debug for StreamNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamNames").finish_non_exhaustive()
    }
}

/// All streams, in the order of their names; see [`Context::streams`].
pub struct Streams(BoxStream<'static, Result<Info, StreamsError>>);

impl Streams {
    pub(super) fn new(context: Context) -> Self {
        let lister = context.clone();
        let list = move || Ok::<_, StreamsError>(stream::iter(lister.store()?.list(None).into_iter().map(Ok)));
        let infos = stream::once(async move { list() }).try_flatten().and_then(move |stream| {
            let context = context.clone();
            async move { Ok(context.info_for_list(&stream).await?) }
        });
        // The first error is the end.
        let infos = infos.scan(false, |is_over, info| {
            let next = (!*is_over).then_some(info);
            *is_over = next.as_ref().is_some_and(Result::is_err);
            ready(next)
        });
        Self(infos.boxed())
    }
}

impl Stream for Streams {
    type Item = Result<Info, StreamsError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").finish_non_exhaustive()
    }
}

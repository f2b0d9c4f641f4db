//! The connection's end of a feed's queue.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use http_body::Frame;
use tokio::sync::mpsc::Receiver;

use super::form::Form;

/// Why the server ended a feed.
pub(super) type End = Arc<OnceLock<&'static str>>;

/// The pieces of a feed, and its last word.
pub(super) struct FeedBody {
    pub(super) pieces: Receiver<Bytes>,
    pub(super) end: End,
    pub(super) form: Form,
    pub(super) ended: bool,
}

impl http_body::Body for FeedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(self.pieces.poll_recv(context)) {
            Some(piece) => Some(Ok(Frame::data(piece))),
            None => {
                self.ended = true;
                let end = self.end.get().map(|reason| Bytes::from(self.form.end(reason)));
                end.map(|end| Ok(Frame::data(end)))
            }
        })
    }
}

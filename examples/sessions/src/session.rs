//! What is known of a browser between its requests: a little data under a secret that the browser keeps in a cookie.
//!
//! [`layer`] loads a session before a request and saves what has changed after it. Changes of requests that run at once are
//! all kept: a store is given changes, not the whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, VARY};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::Cookie;
use example_support::{Problem, token};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::pubsub::Error;

/// The values of a session by their keys.
pub type Data = BTreeMap<String, Value>;

/// One change of a session.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A key gets a value.
    Set(String, Value),
    /// A key goes.
    Delete(String),
    /// All keys go.
    Clear,
}

/// Where sessions are kept. A session lives on with every change.
pub trait Store: Send + Sync {
    /// What is kept under `token`; nothing if there is no such session.
    fn load<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<Data>, Error>>;

    /// Carries changes out on what is kept under `token` by then.
    fn change<'a>(&'a self, token: &'a str, changes: Vec<Change>) -> BoxFuture<'a, Result<(), Error>>;

    /// Forgets a session.
    fn remove<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<(), Error>>;
}

/// The session of the request at hand. Handles of one request show the same.
#[derive(Debug, Clone, Default)]
pub struct Session(Arc<Mutex<Loaded>>);

#[derive(Debug, Default)]
struct Loaded {
    /// Empty until something is to be kept.
    token: String,
    data: Data,
    changes: Vec<Change>,
    fate: Fate,
}

/// What becomes of a session after the request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Fate {
    #[default]
    Stays,
    Renewed,
    Destroyed,
}

impl Session {
    fn of(token: String, data: Data) -> Self {
        Self(Arc::new(Mutex::new(Loaded { token, data, ..Loaded::default() })))
    }

    /// The value of a key; nothing if it has none, or one of another type.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        T::deserialize(self.0.lock().data.get(key)?).ok()
    }

    /// The value, which is gone then: for what is to be shown once.
    pub fn pop<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let value = self.get(key)?;
        self.delete(key);
        Some(value)
    }

    /// Gives a key a value.
    ///
    /// # Panics
    /// If the value has no JSON: maps whose keys are no texts have none.
    pub fn set(&self, key: &str, value: impl Serialize) {
        let value = serde_json::to_value(value).expect("values of sessions have a form in JSON");
        self.change(Change::Set(key.to_owned(), value));
    }

    /// Takes a key away.
    pub fn delete(&self, key: &str) {
        self.change(Change::Delete(key.to_owned()));
    }

    /// Takes all keys away.
    pub fn clear(&self) {
        self.change(Change::Clear);
    }

    /// Ends the session: nothing is left of it, not even the cookie.
    pub fn destroy(&self) {
        self.clear();
        self.0.lock().fate = Fate::Destroyed;
    }

    /// Gives the session another secret; the old one opens nothing any more. Whoever logs in gets a new one: somebody else
    /// may have put the old one there.
    pub fn renew_token(&self) {
        self.0.lock().fate = Fate::Renewed;
    }

    /// Whether a key has a value.
    pub fn exists(&self, key: &str) -> bool {
        self.0.lock().data.contains_key(key)
    }

    /// All keys that have values.
    pub fn keys(&self) -> Vec<String> {
        self.0.lock().data.keys().cloned().collect()
    }

    /// The secret in the cookie; empty for a session that was not saved yet.
    pub fn id(&self) -> String {
        self.0.lock().token.clone()
    }

    fn change(&self, change: Change) {
        let mut loaded = self.0.lock();
        apply(&mut loaded.data, [change.clone()]);
        loaded.changes.push(change);
    }

    /// Saves what has changed; says which cookie the browser has to keep then, if another one than before.
    async fn save(&self, store: &dyn Store) -> Result<Option<Cookie<'static>>, Error> {
        let Loaded { token: old, data, changes, fate } = std::mem::take(&mut *self.0.lock());
        match fate {
            Fate::Destroyed => {
                store.remove(&old).await?;
                let mut gone = token::cookie(COOKIE, String::new());
                gone.make_removal();
                Ok(Some(gone))
            }
            Fate::Stays if changes.is_empty() => Ok(None),
            Fate::Stays if !old.is_empty() => store.change(&old, changes).await.map(|()| None),
            Fate::Stays | Fate::Renewed => {
                let fresh = token();
                let all = data.into_iter().map(|(key, value)| Change::Set(key, value)).collect();
                store.change(&fresh, all).await?;
                if !old.is_empty() {
                    store.remove(&old).await?;
                }
                Ok(Some(token::cookie(COOKIE, fresh)))
            }
        }
    }
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Session {
    type Rejection = std::convert::Infallible;

    /// Without [`layer`], an empty one that nobody keeps.
    async fn from_request_parts(parts: &mut axum::http::request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Carries changes out.
pub fn apply(data: &mut Data, changes: impl IntoIterator<Item = Change>) {
    for change in changes {
        match change {
            Change::Set(key, value) => drop(data.insert(key, value)),
            Change::Delete(key) => drop(data.remove(&key)),
            Change::Clear => data.clear(),
        }
    }
}

/// Loads the session of a request and saves it before the answer goes out. A secret that the store does not know is none:
/// nobody chooses the secret of a session.
///
/// # Errors
/// If the store fails: the page is not shown then.
pub async fn layer(
    State(store): State<Arc<dyn Store>>,
    cookies: CookieJar,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let session = load(&*store, &cookies).await?;
    request.extensions_mut().insert(session.clone());
    let mut response = next.run(request).await;
    if let Some(cookie) = session.save(&*store).await? {
        response = (CookieJar::new().add(cookie), response).into_response();
        // No cache on the way may give this secret to others.
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("cookie"));
    Ok(response)
}

async fn load(store: &dyn Store, cookies: &CookieJar) -> Result<Session, Error> {
    let Some(token) = cookies.get(COOKIE).map(Cookie::value).filter(|token| token::is_token(token)) else {
        return Ok(Session::default());
    };
    let data = store.load(token).await?;
    Ok(data.map(|data| Session::of(token.to_owned(), data)).unwrap_or_default())
}

const COOKIE: &str = "session";

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;

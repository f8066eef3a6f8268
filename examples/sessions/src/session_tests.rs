use std::time::Duration;

use super::*;
use crate::memory::MemoryStore;

fn store() -> MemoryStore {
    MemoryStore::new(Duration::from_secs(60))
}

/// A request with the cookie of the one before.
async fn request(store: &MemoryStore, cookie: &mut Option<Cookie<'static>>, act: impl FnOnce(&Session)) {
    let jar = cookie.iter().fold(CookieJar::new(), |jar, cookie| jar.add(cookie.clone()));
    let session = load(store, &jar).await.unwrap();
    act(&session);
    if let Some(new) = session.save(store).await.unwrap() {
        *cookie = Some(new);
    }
}

#[tokio::test]
async fn values_come_back_as_what_they_are() {
    let (store, mut cookie) = (store(), None);
    request(&store, &mut cookie, |session| {
        assert_eq!(session.id(), "");
        session.set("name", "Ada");
        session.set("visits", 3);
        session.set("flash", "once");
    })
    .await;
    request(&store, &mut cookie, |session| {
        assert_eq!(session.get::<String>("name").unwrap(), "Ada");
        assert_eq!(session.get::<i64>("visits"), Some(3));
        assert_eq!(session.get::<String>("visits"), None);
        assert_eq!(session.pop::<String>("flash").unwrap(), "once");
        assert_eq!(session.keys(), ["name", "visits"]);
    })
    .await;
    request(&store, &mut cookie, |session| {
        assert!(!session.exists("flash") && session.exists("name"));
        session.clear();
        assert!(session.keys().is_empty());
    })
    .await;
}

#[tokio::test]
async fn nothing_is_kept_of_who_only_looks() {
    let (store, mut cookie) = (store(), None);
    request(&store, &mut cookie, |session| assert!(session.keys().is_empty())).await;
    assert!(cookie.is_none());
}

#[tokio::test]
async fn a_renewed_secret_replaces_the_old_one() {
    let (store, mut cookie) = (store(), None);
    request(&store, &mut cookie, |session| session.set("name", "Ada")).await;
    let mut old = cookie.clone();
    request(&store, &mut cookie, Session::renew_token).await;
    assert_ne!(old, cookie);
    request(&store, &mut cookie, |session| assert!(session.exists("name"))).await;
    request(&store, &mut old, |session| assert!(!session.exists("name"))).await;
}

#[tokio::test]
async fn a_destroyed_session_is_gone_with_its_cookie() {
    let (store, mut cookie) = (store(), None);
    request(&store, &mut cookie, |session| session.set("name", "Ada")).await;
    let mut old = cookie.clone();
    request(&store, &mut cookie, Session::destroy).await;
    assert_eq!(cookie.unwrap().value(), "");
    request(&store, &mut old, |session| assert!(session.keys().is_empty())).await;
}

#[tokio::test]
async fn nobody_chooses_a_secret() {
    let (store, chosen) = (store(), token::cookie(COOKIE, "0".repeat(token::LEN)));
    let mut cookie = Some(chosen.clone());
    request(&store, &mut cookie, |session| session.set("name", "Ada")).await;
    assert_ne!(cookie.unwrap(), chosen);
}

#[tokio::test]
async fn requests_that_run_at_once_keep_each_others_changes() {
    let (store, mut cookie) = (store(), None);
    request(&store, &mut cookie, |session| session.set("count", 1)).await;
    let jar = CookieJar::new().add(cookie.clone().unwrap());
    let (one, other) = (load(&store, &jar).await.unwrap(), load(&store, &jar).await.unwrap());
    one.set("name", "Ada");
    other.delete("count");
    one.save(&store).await.unwrap();
    other.save(&store).await.unwrap();
    request(&store, &mut cookie, |session| assert_eq!(session.keys(), ["name"])).await;
}

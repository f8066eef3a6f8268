//! Credentials out of the cookies of a request.

use embus_protocol::connect::ConnectOptions;
use hyper::HeaderMap;
use hyper::header::COOKIE;

use super::config::Cookies;

/// What the cookies say; nothing if none of them was asked for.
pub(super) fn credentials(names: &Cookies, headers: &HeaderMap) -> Option<Box<ConnectOptions>> {
    if *names == Cookies::default() {
        return None;
    }
    let of = |name: &Option<String>| find(headers, name.as_deref()?);
    Some(Box::new(ConnectOptions {
        user: of(&names.user).unwrap_or_default().to_owned(),
        pass: of(&names.password).unwrap_or_default().into(),
        auth_token: of(&names.token).unwrap_or_default().into(),
        jwt: of(&names.jwt).unwrap_or_default().into(),
        ..ConnectOptions::default()
    }))
}

/// The first cookie of this name. Quotes around a value are no part of it. [RFC 6265]
fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(COOKIE).into_iter().filter_map(|header| header.to_str().ok());
    let pairs = all.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.into_iter().find(|(found, _)| *found == name)?;
    Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn only_cookies_that_were_asked_for_count() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; user=joe; pw=\"s=c\"; user=ann"));
        headers.append(COOKIE, HeaderValue::from_static("t=x"));
        assert_eq!(credentials(&Cookies::default(), &headers), None);
        let name = |name: &str| Some(name.to_owned());
        let names = Cookies { user: name("user"), password: name("pw"), token: name("t"), jwt: name("none") };
        let found = credentials(&names, &headers).unwrap();
        assert_eq!((found.user.as_str(), found.pass.expose(), found.auth_token.expose()), ("joe", "s=c", "x"));
        assert!(found.jwt.is_empty());
    }
}

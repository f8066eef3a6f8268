use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

fn permissions(publish: SubjectRules, subscribe: SubjectRules) -> Permissions {
    Permissions::new(PermissionRules { publish, subscribe, responses: None }).unwrap()
}

fn subscriber(allow: Option<&[&str]>, deny: &[&str]) -> Permissions {
    let owned = |list: &[&str]| list.iter().map(|&entry| entry.to_owned()).collect();
    permissions(SubjectRules::default(), SubjectRules { allow: allow.map(owned), deny: owned(deny) })
}

#[track_caller]
fn check_subscribe(permissions: &Permissions, filter: &str, queue: Option<&str>, expected: bool) {
    let allowed = permissions.may_subscribe(filter.as_bytes(), queue.map(str::as_bytes));
    assert_eq!(allowed, expected, "{filter} {queue:?}");
}

#[test]
fn without_rules_all_is_allowed() {
    let all = permissions(SubjectRules::default(), SubjectRules::default());
    assert!(all.may_publish(b"a") && all.may_receive(b"a", None) && !all.filters_deliveries());
    check_subscribe(&all, ">", Some("q"), true);
}

#[test]
fn an_empty_list_allows_nothing() {
    let none = permissions(SubjectRules::allow::<String>([]), SubjectRules::allow::<String>([]));
    assert!(!none.may_publish(b"a"));
    check_subscribe(&none, "a", None, false);
    check_subscribe(&none, ">", Some("q"), false);
}

#[test]
fn what_is_denied_is_denied_whatever_is_allowed() {
    let rules = SubjectRules { allow: Some(vec!["a.>".into()]), deny: vec!["a.secret.*".into()] };
    let some = permissions(rules.clone(), rules);
    assert!(some.may_publish(b"a.b") && !some.may_publish(b"a.secret.x") && !some.may_publish(b"b"));
    check_subscribe(&some, "a.>", None, true);
    check_subscribe(&some, "a.secret.*", None, false);
    check_subscribe(&some, "a.secret.x", Some("q"), false);
    assert!(some.may_receive(b"a.secret", None) && !some.may_receive(b"a.secret.x", None));
    assert!(!some.may_receive(b"a.secret.x", Some(b"q")));
}

#[test]
fn a_wider_filter_than_what_is_allowed_is_refused() {
    let one = subscriber(Some(&["foo.*"]), &[]);
    check_subscribe(&one, "foo.*", None, true);
    check_subscribe(&one, "foo.a", None, true);
    check_subscribe(&one, "foo.>", None, false);
    check_subscribe(&one, ">", None, false);
    check_subscribe(&one, "*.a", None, false);
}

#[test]
fn a_queue_entry_allows_that_queue_only() {
    let one = subscriber(Some(&["foo q", "bar", "bar v1.*"]), &[]);
    check_subscribe(&one, "foo", Some("q"), true);
    check_subscribe(&one, "foo", Some("other"), false);
    check_subscribe(&one, "foo", None, false);
    check_subscribe(&one, "bar", None, true);
    check_subscribe(&one, "bar", Some("v1.x"), true);
    check_subscribe(&one, "bar", Some("v2.x"), false);
}

#[test]
fn a_queue_entry_denies_that_queue_only_and_never_lifts_a_plain_one() {
    let one = subscriber(None, &["foo q", "bar", "bar q"]);
    check_subscribe(&one, "foo", None, true);
    check_subscribe(&one, "foo", Some("q"), false);
    check_subscribe(&one, "foo", Some("other"), true);
    check_subscribe(&one, "bar", Some("other"), false);
    check_subscribe(&one, "bar", None, false);
    assert!(!one.may_receive(b"foo", Some(b"q")) && one.may_receive(b"foo", Some(b"other")));
}

#[test]
fn a_subject_that_looks_like_a_filter_is_denied_as_text() {
    let one = subscriber(None, &["foo.*"]);
    assert!(!one.may_receive(b"foo.>", None) && !one.may_receive(b"foo.*", None));
}

#[test]
fn who_may_answer_may_publish_nothing_else() {
    let rules = PermissionRules { responses: Some(Responses::default()), ..PermissionRules::default() };
    let one = Permissions::new(rules).unwrap();
    assert!(!one.may_publish(b"a") && one.responses().is_some());
}

#[test]
fn what_is_no_rule_is_refused_by_name() {
    for entry in ["", " ", "a..b", "a.>.b", "a b c", "a .", "a\0", "a\u{FFFD}"] {
        let rules = PermissionRules { subscribe: SubjectRules::deny([entry]), ..PermissionRules::default() };
        assert_eq!(Permissions::new(rules).unwrap_err(), RuleError::Filter(entry.to_owned()), "{entry:?}");
    }
    let rules = PermissionRules { publish: SubjectRules::allow(["a q"]), ..PermissionRules::default() };
    assert_eq!(Permissions::new(rules).unwrap_err(), RuleError::QueueInPublish("a q".to_owned()));
}

/// Few tokens, so that rules and subjects meet often.
fn token() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "*"])
}

fn filter_text() -> impl Strategy<Value = String> {
    (vec(token(), 1..4), any::<bool>()).prop_map(|(tokens, tail)| {
        let text = tokens.join(".");
        if tail { format!("{text}.>") } else { text }
    })
}

fn entry_text() -> impl Strategy<Value = String> {
    (filter_text(), option::weighted(0.3, prop::sample::select(vec!["q", "r", "*"])))
        .prop_map(|(filter, queue)| queue.map_or(filter.clone(), |queue| format!("{filter} {queue}")))
}

fn rules<S: Strategy<Value = String>>(entry: fn() -> S) -> impl Strategy<Value = SubjectRules> {
    (option::of(vec(entry(), 0..4)), vec(entry(), 0..4)).prop_map(|(allow, deny)| SubjectRules { allow, deny })
}

fn literal_text() -> impl Strategy<Value = String> {
    vec(prop::sample::select(vec!["a", "b"]), 1..5).prop_map(|tokens| tokens.join("."))
}

/// Entries as pairs, asked one by one.
fn split(entries: &[String]) -> Vec<(&str, Option<&str>)> {
    entries
        .iter()
        .map(|entry| entry.split_once(' ').map_or((&**entry, None), |(filter, queue)| (filter, Some(queue))))
        .collect()
}

fn naive_allows(entries: &[String], queue: Option<&str>, meets: impl Fn(&str) -> bool) -> bool {
    let met: Vec<_> = split(entries).into_iter().filter(|(filter, _)| meets(filter)).collect();
    let plain = met.iter().any(|(_, queue)| queue.is_none());
    let named: Vec<_> = met.iter().filter_map(|(_, queue)| *queue).collect();
    match queue {
        Some(queue) if !named.is_empty() => named.iter().any(|name| filter::matches(name.as_bytes(), queue.as_bytes())),
        _ => plain,
    }
}

fn naive_denies(entries: &[String], queue: Option<&str>, meets: impl Fn(&str) -> bool) -> bool {
    split(entries).into_iter().filter(|(filter, _)| meets(filter)).any(|(_, name)| match (name, queue) {
        (None, _) => true,
        (Some(name), Some(queue)) => filter::matches(name.as_bytes(), queue.as_bytes()),
        (Some(_), None) => false,
    })
}

proptest! {
    #[test]
    fn agrees_with_a_naive_evaluator(
        publish in rules(filter_text),
        subscribe in rules(entry_text),
        wanted in filter_text(),
        queue in option::of(prop::sample::select(vec!["q", "r", "s"])),
        subject in literal_text(),
    ) {
        let compiled = permissions(publish.clone(), subscribe.clone());
        let matches = |entry: &str| filter::matches(entry.as_bytes(), subject.as_bytes());
        let may_publish = publish.allow.as_ref().is_none_or(|allow| allow.iter().any(|entry| matches(entry)))
            && !publish.deny.iter().any(|entry| matches(entry));
        prop_assert_eq!(compiled.may_publish(subject.as_bytes()), may_publish);

        let covers = |entry: &str| filter::covers(entry.as_bytes(), wanted.as_bytes());
        let may_subscribe = subscribe.allow.as_ref().is_none_or(|allow| naive_allows(allow, queue, covers))
            && !naive_denies(&subscribe.deny, queue, covers);
        prop_assert_eq!(compiled.may_subscribe(wanted.as_bytes(), queue.map(str::as_bytes)), may_subscribe);

        let may_receive = !naive_denies(&subscribe.deny, queue, matches);
        prop_assert_eq!(compiled.may_receive(subject.as_bytes(), queue.map(str::as_bytes)), may_receive);
    }

    /// Whatever reaches a subscription was allowed: no message comes by a wildcard that would not come by its subject.
    #[test]
    fn a_wildcard_opens_no_door(
        subscribe in rules(entry_text),
        wanted in filter_text(),
        subject in literal_text(),
    ) {
        let compiled = permissions(SubjectRules::default(), subscribe);
        let (wanted, subject) = (wanted.as_bytes(), subject.as_bytes());
        if filter::matches(wanted, subject) && compiled.may_subscribe(wanted, None) && compiled.may_receive(subject, None) {
            prop_assert!(compiled.may_subscribe(subject, None));
        }
    }
}

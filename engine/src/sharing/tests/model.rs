//! Random accounts against a naive reading of the rules: who hears what under which subject.

use super::*;

/// One delivery: account, subscription, subject.
type Heard = (usize, usize, String);

/// What the accounts are, kept apart from what the engine makes of it.
struct Model {
    sharing: Vec<Sharing>,
    subscriptions: Vec<Vec<&'static str>>,
}

const NAMES: [&str; 3] = ["A", "B", "C"];
const FILTERS: [&str; 9] = ["a", "b", "a.a", "a.b", "b.*", "*.a", "a.>", ">", "*.*"];
const SUBJECTS: [&str; 6] = ["a", "b", "a.a", "a.b", "b.a", "b.b"];

fn matches(filter: &str, subject: &str) -> Option<Vec<String>> {
    let (mut captured, mut tokens) = (Vec::new(), subject.split('.'));
    for part in filter.split('.') {
        match (part, tokens.next()) {
            (">", Some(first)) => {
                let rest: Vec<_> = std::iter::once(first).chain(tokens).collect();
                captured.push(rest.join("."));
                return Some(captured);
            }
            ("*", Some(token)) => captured.push(token.to_owned()),
            (literal, Some(token)) if literal == token => {}
            _ => return None,
        }
    }
    tokens.next().is_none().then_some(captured)
}

/// `to` with its wildcards filled in their order.
fn fill(to: &str, captured: &[String]) -> String {
    let mut captured = captured.iter();
    let token =
        |token: &str| if matches!(token, "*" | ">") { captured.next().cloned() } else { Some(token.to_owned()) };
    to.split('.').filter_map(token).collect::<Vec<_>>().join(".")
}

fn index(account: &str) -> usize {
    NAMES.iter().position(|name| *name == account).expect("it is one of them")
}

impl Model {
    fn deliver(&self, account: usize, subject: &str, via: Via, heard: &mut Vec<Heard>) {
        for (place, filter) in self.subscriptions[account].iter().enumerate() {
            if matches(filter, subject).is_some() {
                heard.push((account, place, subject.to_owned()));
            }
        }
        for (importer, sharing) in self.sharing.iter().enumerate() {
            for import in &sharing.imports {
                self.follow(account, subject, via, importer, import, heard);
            }
        }
    }

    fn follow(&self, at: usize, subject: &str, via: Via, importer: usize, import: &Import, heard: &mut Vec<Heard>) {
        let exporter = index(&import.account);
        match (&import.kind, via) {
            (ImportKind::Stream { to, prefix }, Via::Publish) if at == exporter => {
                let Some(captured) = matches(&import.subject, subject) else { return };
                let local = match (to, prefix) {
                    (Some(to), _) => fill(to, &captured),
                    (None, Some(prefix)) => format!("{prefix}.{subject}"),
                    (None, None) => subject.to_owned(),
                };
                self.deliver(importer, &local, Via::Stream, heard);
            }
            (ImportKind::Service { to, .. }, Via::Publish | Via::Service(_)) if at == importer => {
                let local = to.as_deref().unwrap_or(&import.subject);
                let Some(captured) = matches(local, subject) else { return };
                self.deliver(exporter, &fill(&import.subject, &captured), Via::Service(1), heard);
            }
            _ => {}
        }
    }
}

fn pick<T: Copy>(random: &mut fastrand::Rng, of: &[T]) -> T {
    of[random.usize(..of.len())]
}

fn random_import(all: &[Sharing], random: &mut fastrand::Rng) -> Import {
    let exporter = random.usize(..NAMES.len());
    let (account, offered) = (NAMES[exporter], &all[exporter].exports);
    // Most often something that is offered.
    let export = offered.get(random.usize(..=offered.len()));
    let subject = export.map_or_else(|| pick(random, &FILTERS), |export| known(&export.subject));
    let is_stream = export.map_or_else(|| random.bool(), Export::is_stream);
    let import = if is_stream { Import::stream(account, subject) } else { Import::service(account, subject) };
    match random.u8(..4) {
        0 => import.local(format!("l.{subject}")),
        1 if import.is_stream() => import.with_prefix("p"),
        2 => import.local(subject.replace('a', "b")),
        _ => import,
    }
}

fn known(subject: &str) -> &'static str {
    FILTERS.into_iter().find(|filter| *filter == subject).expect("it is one of them")
}

/// Accounts that go together: what does not is left out again.
fn random_sharing(random: &mut fastrand::Rng) -> Vec<Sharing> {
    let export = |random: &mut fastrand::Rng| {
        let filter = pick(random, &FILTERS);
        if random.bool() { Export::stream(filter) } else { Export::service(filter) }
    };
    let mut all: Vec<Sharing> =
        NAMES.iter().map(|_| exports((0..random.usize(..4)).map(|_| export(random)).collect::<Vec<_>>())).collect();
    for _ in 0..random.usize(..12) {
        let importer = random.usize(..NAMES.len());
        let import = random_import(&all, random);
        all[importer].imports.push(import);
        if Broker::try_new(&named(&all)).is_err() {
            all[importer].imports.pop();
        }
    }
    all
}

fn named(all: &[Sharing]) -> Vec<(&'static str, Sharing)> {
    NAMES.into_iter().zip(all.iter().cloned()).collect()
}

/// The deliveries that a client was sent.
fn heard_by(account: usize, text: &str) -> Vec<Heard> {
    let lines = text.split("\r\n").filter(|line| line.starts_with("MSG ") || line.starts_with("HMSG "));
    let words = lines.map(|line| line.split(' ').skip(1).collect::<Vec<_>>());
    words.map(|words| (account, words[1].parse().expect("it is a number"), words[0].to_owned())).collect()
}

#[test]
fn deliveries_are_those_of_the_rules() {
    let mut random = fastrand::Rng::with_seed(6);
    let mut crossed = 0;
    for _ in 0..400 {
        let sharing = random_sharing(&mut random);
        let subscriptions =
            NAMES.iter().map(|_| (0..random.usize(..5)).map(|_| pick(&mut random, &FILTERS)).collect()).collect();
        let (broker, model) = (Broker::new(&named(&sharing)), Model { sharing, subscriptions });
        let clients: Vec<_> = NAMES.iter().map(|name| broker.client(name)).collect();
        for (client, filters) in clients.iter().zip(&model.subscriptions) {
            filters.iter().enumerate().for_each(|(place, filter)| client.subscribe(&place.to_string(), filter));
        }
        for (account, subject) in (0..NAMES.len()).flat_map(|account| SUBJECTS.map(|subject| (account, subject))) {
            let mut expected = Vec::new();
            model.deliver(account, subject, Via::Publish, &mut expected);
            let taken = broker.publish(&clients[account], subject, None, "", "");
            let mut heard: Vec<_> =
                clients.iter().enumerate().flat_map(|(place, client)| heard_by(place, &client.take())).collect();
            assert_eq!(taken, expected.len(), "{subject} in {account}: {:?}", model.sharing);
            expected.sort();
            heard.sort();
            assert_eq!(heard, expected, "{subject} in {account}: {:?}", model.sharing);
            crossed += expected.iter().filter(|(place, ..)| *place != account).count();
        }
    }
    assert!(crossed > 500, "hardly anything was shared: {crossed}");
}

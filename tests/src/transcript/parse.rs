//! Reads the text of a `.nats` file into scenes. The format is described in `tests/transcripts/README.md`.

use std::fmt;

use super::{
    options::{self, Options},
    pattern::Pattern,
    request::{self, Requests},
    script::{Action, Scene, Step},
    sign::signature_of,
    text,
};

/// A line of a script that means nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct ParseError {
    line: usize,
    reason: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for ParseError {}

/// Reads the scenes of a file.
pub(super) fn scenes(source: &str) -> Result<Vec<Scene>, ParseError> {
    let mut parser = Parser::default();
    for (index, written) in source.lines().enumerate() {
        let line = index + 1;
        parser.line(line, written).map_err(|reason| ParseError { line, reason })?;
    }
    Ok(parser.scenes)
}

#[derive(Default)]
struct Parser {
    /// Options written before the first scene; every scene starts with them.
    common: Options,
    scenes: Vec<Scene>,
    /// The requests of the scene so far.
    requests: Requests,
}

impl Parser {
    fn line(&mut self, line: usize, written: &str) -> Result<(), String> {
        if written.is_empty() || written.starts_with('#') {
            return Ok(());
        }
        if written.ends_with([' ', '\t']) {
            return Err("ends with a blank that nobody sees; write `\\s` or `\\t`".into());
        }
        if let Some(title) = written.strip_prefix("== ") {
            self.scenes.push(self.scene(title));
            self.requests = Requests::default();
            return Ok(());
        }
        match written.split_once(": ") {
            Some((who, what)) => self.step(line, written, who, what),
            None => self.directive(written),
        }
    }

    fn scene(&self, title: &str) -> Scene {
        let (title, options) = (title.to_owned(), self.common.clone());
        Scene { title, options, only: Vec::new(), whole: Vec::new(), steps: Vec::new() }
    }

    /// `option name value`, `only kind,kind (reason)`, `whole kind,kind (reason)`.
    fn directive(&mut self, written: &str) -> Result<(), String> {
        let words: Vec<&str> = written.splitn(3, ' ').collect();
        let scene = self.scenes.last_mut();
        match (words.as_slice(), scene) {
            (["option", name, value], None) => self.common.set(name, value)?,
            (["option", name, value], Some(scene)) => scene.options.set(name, value)?,
            (["only", names, reason], Some(scene)) if is_reason(reason) => scene.only = kinds(names)?,
            (["whole", names, reason], Some(scene)) if is_reason(reason) => scene.whole = kinds(names)?,
            _ => return Err("is neither a step nor a directive".into()),
        }
        Ok(())
    }

    fn step(&mut self, line: usize, written: &str, who: &str, what: &str) -> Result<(), String> {
        let scene = self.scenes.last_mut().ok_or("a step before the first scene")?;
        let (side, name) = who.split_once(' ').unwrap_or((who, ""));
        let connection = name.to_owned();
        let action = match side {
            "C" => {
                self.requests.greeted(&connection);
                client(connection, &shown(what, &scene.options)?)?
            }
            "K" => {
                Action::Answer { connection, fields: serde_json::from_str(what).map_err(|error| error.to_string())? }
            }
            "R" => self.requests.send(connection, what)?,
            "A" => self.requests.answer(connection, what)?,
            "A~" => self.requests.answer_like(connection, what)?,
            "M" => request::message(connection, what)?,
            "M~" => request::message_like(connection, what)?,
            "S" => server(connection, what)?,
            "S*" => Action::ExpectUnordered { connection, patterns: vec![Pattern::parse(what)?] },
            "broker" => broker(what)?,
            other => {
                return Err(format!(
                    "`{other}` is nobody; `C`, `S`, `S*`, `K`, `R`, `A`, `A~`, `M`, `M~` and `broker` are"
                ));
            }
        };
        push(&mut scene.steps, Step { line, written: written.to_owned(), action });
        Ok(())
    }
}

fn client(connection: String, what: &str) -> Result<Action, String> {
    Ok(match what {
        "(end)" => Action::End { connection },
        _ => Action::Send { connection, bytes: text::parse_bytes(what)? },
    })
}

/// The same with the JWTs of users in place of `\U{name}`, and a place for what they sign in that of `\N{name}`.
fn shown(what: &str, options: &Options) -> Result<String, String> {
    let mut shown = String::new();
    let mut rest = what;
    while let Some((before, kind, name, behind)) = next_name(rest) {
        shown.push_str(before);
        match kind {
            'U' => shown.push_str(options.user_jwts.get(name).ok_or_else(|| format!("`{name}` is no user"))?),
            _ => shown.push_str(&signature_of(name)),
        }
        rest = behind;
    }
    shown.push_str(rest);
    Ok(shown)
}

/// What is before the next `\U{name}` or `\N{name}`, its letter and name, and what is behind it.
fn next_name(text: &str) -> Option<(&str, char, &str, &str)> {
    let (place, _) = text
        .match_indices('\\')
        .find(|(place, _)| ["U{", "N{"].iter().any(|start| text[place + 1..].starts_with(start)))?;
    let (name, behind) = text[place + 3..].split_once('}')?;
    Some((&text[..place], text[place + 1..].chars().next()?, name, behind))
}

fn server(connection: String, what: &str) -> Result<Action, String> {
    Ok(match what {
        "(close)" => Action::ExpectClose { connection },
        "(nothing)" => Action::ExpectNothing { connection },
        _ if connection.contains('|') => Action::ExpectOne {
            connections: connection.split('|').map(str::to_owned).collect(),
            pattern: Pattern::parse(what)?,
        },
        _ => Action::Expect { connection, pattern: Pattern::parse(what)? },
    })
}

fn broker(what: &str) -> Result<Action, String> {
    match what {
        "(lame duck)" => Ok(Action::LameDuck),
        "(stop)" => Ok(Action::Stop),
        _ if what.starts_with("(wait ") && what.ends_with(')') => {
            Ok(Action::Wait(options::span(&what[6..what.len() - 1])?))
        }
        other => Err(format!("`{other}` is nothing a broker is told")),
    }
}

/// Adds a step; neighbouring `S*` lines of one connection become one step.
fn push(steps: &mut Vec<Step>, mut step: Step) {
    if let Action::ExpectUnordered { connection, patterns } = &mut step.action
        && let Some(Step { action: Action::ExpectUnordered { connection: last, patterns: all }, .. }) = steps.last_mut()
        && connection == last
    {
        all.append(patterns);
        return;
    }
    steps.push(step);
}

fn kinds(names: &str) -> Result<Vec<String>, String> {
    names
        .split(',')
        .map(
            |name| {
                if KINDS.contains(&name) { Ok(name.to_owned()) } else { Err(format!("`{name}` is no kind of target")) }
            },
        )
        .collect()
}

fn is_reason(text: &str) -> bool {
    text.len() > 2 && text.starts_with('(') && text.ends_with(')')
}

/// What [`Target::kind`](super::Target::kind) may return.
const KINDS: [&str; 4] = ["nats", "tcp", "memory", "engine"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_has_scenes_with_steps() {
        let source = "# about\noption max_payload 64\n\n== one\nC: PING⏎\nS: PONG⏎\n\n== two\noption ping_max 1\nS* a: x\nS* a: y\nS a|b: z\n";
        let scenes = scenes(source).expect("valid script");
        assert_eq!(scenes.iter().map(|scene| scene.title.as_str()).collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(scenes[0].steps.iter().map(|step| step.line).collect::<Vec<_>>(), [5, 6]);
        assert_eq!((scenes[0].options.max_payload, scenes[0].options.ping_max), (Some(64), None));
        assert_eq!((scenes[1].options.max_payload, scenes[1].options.ping_max), (Some(64), Some(1)));
        assert_eq!(scenes[1].steps.len(), 2, "two unordered lines are one step");
    }

    #[test]
    fn a_meaningless_line_is_named() {
        for wrong in [
            "C: PING",
            "== t\nX: PING⏎",
            "== t\nC: a ",
            "== t\nonly nats",
            "== t\nonly all (x)",
            "== t\nC: \\*",
            "option speed 3",
        ] {
            assert!(scenes(wrong).is_err(), "{wrong}");
        }
        let error = scenes("== t\nC: PING⏎\nhello\n").expect_err("no step");
        assert_eq!(error.to_string(), "line 3: is neither a step nor a directive");
    }
}

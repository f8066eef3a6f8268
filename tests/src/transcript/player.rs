//! Plays scripts against a target: each scene with a fresh broker, at a given pace.

use std::{collections::BTreeMap, fmt, io};

use futures_util::{StreamExt, stream};

use super::{
    callout,
    connection::{Connection, Surprise},
    failure::{Failure, Reason},
    pattern::Pattern,
    script::{Action, Scene, Script, Step},
    sign,
    target::{Server, Target},
};

/// How the client's bytes are cut into writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// One write per step.
    Whole,
    /// One write per byte.
    Bytewise,
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "sent whole",
            Self::Bytewise => "sent byte by byte",
        })
    }
}

impl Pace {
    /// Size of the write at this offset of a step. Megabytes are not sent in single bytes to their end.
    fn chunk(self, offset: usize) -> usize {
        match self {
            Self::Whole => usize::MAX - offset,
            Self::Bytewise if offset < BYTEWISE_BYTES => 1,
            Self::Bytewise => LATER_CHUNK_BYTES,
        }
    }
}

/// Plays every scene of the scripts that is meant for this target, and returns what went wrong.
pub async fn replay<T: Target>(target: &T, scripts: &[Script], pace: Pace) -> Vec<Failure> {
    let scenes = scripts.iter().flat_map(|script| script.scenes.iter().map(move |scene| (script, scene)));
    stream::iter(scenes.filter(|(_, scene)| is_played(scene, target, pace)))
        .map(|(script, scene)| play(target, script, scene, pace))
        .buffered(SCENES_AT_ONCE)
        .filter_map(|outcome| async { outcome.err() })
        .collect()
        .await
}

fn is_played<T: Target>(scene: &Scene, target: &T, pace: Pace) -> bool {
    let names = |kinds: &[String]| kinds.iter().any(|name| name == target.kind());
    let is_meant = scene.only.is_empty() || names(&scene.only);
    let is_able = (target.has_jetstream() || !scene.options.jetstream)
        && (target.has_callout() || scene.options.auth_callout.is_none());
    is_meant && is_able && (pace == Pace::Whole || !names(&scene.whole))
}

async fn play<T: Target>(target: &T, script: &Script, scene: &Scene, pace: Pace) -> Result<(), Failure> {
    let fail = |line: usize, written: &str, reason| Failure {
        script: script.name.clone(),
        scene: scene.title.clone(),
        pace,
        line,
        written: written.to_owned(),
        reason,
    };
    let server = target.start(&scene.options).await.map_err(|error| fail(0, "", Reason::Machine(error)))?;
    let answers_pings = scene.options.ping_interval.is_none();
    let mut player = Player { server, connections: BTreeMap::new(), pace, answers_pings };
    for step in &scene.steps {
        player.step(step).await.map_err(|reason| fail(step.line, &step.written, reason))?;
    }
    Ok(())
}

struct Player<S> {
    server: S,
    connections: BTreeMap<String, Connection>,
    pace: Pace,
    answers_pings: bool,
}

impl<S: Server> Player<S> {
    async fn step(&mut self, step: &Step) -> Result<(), Reason> {
        match &step.action {
            Action::Send { connection, bytes } => {
                let pace = self.pace;
                let connection = self.greeted(connection).await?;
                let bytes = sign::signed(bytes, connection.nonce());
                connection.send(&bytes, |offset| pace.chunk(offset)).await;
            }
            Action::Answer { connection, fields } => {
                let connection = self.opened(connection).await?;
                let question = connection.expect_question().await?;
                connection.send(&callout::answer(&question, fields), |_| usize::MAX).await;
            }
            Action::End { connection } => self.greeted(connection).await?.end().await,
            Action::Expect { connection, pattern } => self.opened(connection).await?.expect(pattern).await?,
            Action::ExpectUnordered { connection, patterns } => self.unordered(connection, patterns).await?,
            Action::ExpectOne { connections, pattern } => self.one(connections, pattern).await?,
            Action::ExpectNothing { connection } => fence(self.opened(connection).await?).await?,
            Action::ExpectClose { connection } => self.opened(connection).await?.expect_close().await?,
            Action::Wait(time) => self.server.pass(*time).await,
            Action::LameDuck => self.server.lame_duck().await?,
            Action::Stop => self.server.stop().await?,
        }
        Ok(())
    }

    /// The connection of this name, opened now when the script names it for the first time.
    async fn opened(&mut self, name: &str) -> Result<&mut Connection, Reason> {
        if !self.connections.contains_key(name) {
            let stream = self.server.connect().await?;
            self.connections.insert(name.to_owned(), Connection::new(stream, self.answers_pings));
        }
        self.connections.get_mut(name).ok_or_else(|| Reason::Machine(io::Error::other("no connection")))
    }

    /// As `opened`, past the INFO that greets a new connection: a script that does not begin by expecting it does not
    /// care for it.
    async fn greeted(&mut self, name: &str) -> Result<&mut Connection, Reason> {
        let is_new = !self.connections.contains_key(name);
        let connection = self.opened(name).await?;
        if is_new {
            connection.expect(&pattern("INFO {} ⏎")).await?;
        }
        Ok(connection)
    }

    async fn unordered(&mut self, name: &str, patterns: &[Pattern]) -> Result<(), Reason> {
        let connection = self.opened(name).await?;
        let mut open: Vec<&Pattern> = patterns.iter().collect();
        while !open.is_empty() {
            let index = connection.expect_one_of(&open).await?;
            open.remove(index);
        }
        Ok(())
    }

    /// Fences every connection; exactly one of them has the message before its PONG.
    async fn one(&mut self, names: &[String], message: &Pattern) -> Result<(), Reason> {
        let pong = pattern("PONG⏎");
        let mut receivers = 0;
        for name in names {
            let connection = self.opened(name).await?;
            connection.send(b"PING\r\n", |_| usize::MAX).await;
            if connection.expect_one_of(&[message, &pong]).await? == 0 {
                receivers += 1;
                connection.expect(&pong).await?;
            }
        }
        if receivers == 1 { Ok(()) } else { Err(Reason::NotOne { receivers }) }
    }
}

/// Proves that nothing is on its way: the broker answers in order, so the next bytes are the answer to our PING.
async fn fence(connection: &mut Connection) -> Result<(), Surprise> {
    connection.send(b"PING\r\n", |_| usize::MAX).await;
    connection.expect(&pattern("PONG⏎")).await
}

fn pattern(written: &str) -> Pattern {
    Pattern::parse(written).expect("a constant of this file")
}

impl From<Surprise> for Reason {
    fn from(surprise: Surprise) -> Self {
        Self::Surprise(surprise)
    }
}

impl From<io::Error> for Reason {
    fn from(error: io::Error) -> Self {
        Self::Machine(error)
    }
}

/// So many bytes of a step are sent one by one: every control line, and the seam to a long payload.
const BYTEWISE_BYTES: usize = 8192;
/// Size of the writes after that; odd, so that no buffer size divides it.
const LATER_CHUNK_BYTES: usize = 1021;
const SCENES_AT_ONCE: usize = 4;

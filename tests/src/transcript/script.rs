//! A script in memory: scenes, each with its own fresh broker, and their steps.

use std::{fs, io, path::Path, time::Duration};

use serde_json::Value;

use super::{options::Options, parse, pattern::Pattern};

/// The scenes of one `.nats` file.
#[derive(Debug)]
pub struct Script {
    /// Name of the file without its ending.
    pub name: String,
    pub(super) scenes: Vec<Scene>,
}

impl Script {
    /// Reads every `*.nats` file of a folder, in the order of their names.
    pub fn load_folder(folder: &Path) -> io::Result<Vec<Self>> {
        let mut paths: Vec<_> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "nats"));
        paths.sort();
        paths.iter().map(|path| Self::load(path)).collect()
    }

    /// Number of scenes.
    pub fn len(&self) -> usize {
        self.scenes.len()
    }

    /// Whether the file holds no scene.
    pub fn is_empty(&self) -> bool {
        self.scenes.is_empty()
    }

    fn load(path: &Path) -> io::Result<Self> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let scenes = parse::scenes(&fs::read_to_string(path)?)
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
        Ok(Self { name, scenes })
    }
}

/// A conversation that starts with a fresh broker and no connection.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) title: String,
    pub(super) options: Options,
    /// The only kinds of target that play this scene; empty for all.
    pub(super) only: Vec<String>,
    /// The kinds of target to which the scene is sent whole only.
    pub(super) whole: Vec<String>,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug)]
pub(super) struct Step {
    /// Line of the file, from 1.
    pub(super) line: usize,
    /// The line itself.
    pub(super) written: String,
    pub(super) action: Action,
}

#[derive(Debug)]
pub(super) enum Action {
    /// The client sends bytes.
    Send { connection: String, bytes: Vec<u8> },
    /// The client answers the question that came to it about another client.
    Answer { connection: String, fields: Value },
    /// The client closes its side: sends nothing any more, may still read.
    End { connection: String },
    /// The broker sends what the pattern says.
    Expect { connection: String, pattern: Pattern },
    /// The broker sends what these patterns say, in any order; one step for each written line.
    ExpectUnordered { connection: String, patterns: Vec<Pattern> },
    /// The broker sends what the pattern says to exactly one of the connections and nothing to the others.
    ExpectOne { connections: Vec<String>, pattern: Pattern },
    /// The broker has nothing more to say: the next bytes are the answer to a PING.
    ExpectNothing { connection: String },
    /// The broker closes the connection without another byte.
    ExpectClose { connection: String },
    /// So much time passes.
    Wait(Duration),
    /// The broker is told to go into lame-duck mode.
    LameDuck,
    /// The broker is told to stop.
    Stop,
}

//! Logins, lobbies and boards in three buckets. Whatever two players do at once, each change is made to what the other one
//! left (compare-and-set on the revision), and everybody who looks is told of it by a watch.

use std::collections::BTreeMap;
use std::time::Duration;

use embus_kv::typed::{Change, TryModifyError};
use example_support::token;
use futures_util::stream::{self, Stream, TryStreamExt};
use serde::{Deserialize, Serialize};

use super::{Bucket, bucket, nats};
use crate::board::{Board, Illegal, Mark};
use nats::jetstream::{self, kv};

/// The three buckets.
#[derive(Debug, Clone)]
pub struct Games {
    users: Bucket<Player>,
    lobbies: Bucket<Lobby>,
    boards: Bucket<Board>,
}

/// Somebody who is logged in. The key in the bucket is the secret in the browser's cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Player {
    /// What others may know.
    pub id: String,
    /// What others see.
    pub name: String,
}

/// Two players, or one who waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lobby {
    /// Who made it, and plays X.
    pub host: Player,
    /// Who joined, and plays O.
    pub guest: Option<Player>,
}

/// What there is to see of a game.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Game {
    /// Who plays.
    pub lobby: Lobby,
    /// How it stands.
    pub board: Board,
}

/// Why something does not happen.
#[derive(Debug)]
pub enum GameError {
    /// It is against the rules; the words are for the player.
    Refused(&'static str),
    /// It may work later.
    Failed(nats::Error),
}

impl Games {
    /// The buckets are made, or made what they should be. What nobody touches for `ttl` disappears.
    pub async fn open(client: nats::Client, ttl: Duration) -> Result<Self, nats::Error> {
        let context = jetstream::new(client);
        let config = |name: &str| kv::Config {
            bucket: name.to_owned(),
            description: "Tic-tac-toe".to_owned(),
            compression: true,
            max_age: ttl,
            max_bytes: 16 * 1024 * 1024,
            // Watches are told of what disappears.
            limit_markers: Some(MARKER_LIFETIME),
            ..Default::default()
        };
        Ok(Self {
            users: bucket(&context, config("users")).await?,
            lobbies: bucket(&context, config("gameLobbies")).await?,
            boards: bucket(&context, config("gameBoards")).await?,
        })
    }

    /// Logs somebody in; the result is the secret that shows it.
    pub async fn login(&self, name: &str) -> Result<String, nats::Error> {
        let secret = token();
        self.users.create(&secret, &Player { id: token(), name: name.to_owned() }).await?;
        Ok(secret)
    }

    /// Who has this secret. Looking does not make it live longer.
    pub async fn player(&self, secret: &str) -> Result<Option<Player>, nats::Error> {
        // Whatever a browser sends is no key yet.
        if !token::is_token(secret) {
            return Ok(None);
        }
        Ok(self.users.get(secret).await?)
    }

    /// Forgets the secret.
    pub async fn logout(&self, secret: &str) -> Result<(), nats::Error> {
        if token::is_token(secret) {
            self.users.purge(secret).await?;
        }
        Ok(())
    }

    /// Makes a lobby with an empty board; says its id.
    pub async fn create(&self, host: &Player) -> Result<String, nats::Error> {
        let id = token();
        self.boards.create(&id, &Board::default()).await?;
        self.lobbies.create(&id, &Lobby { host: host.clone(), guest: None }).await?;
        Ok(id)
    }

    /// Sits down opposite the host. Whoever sits there already stays.
    pub async fn join(&self, id: &str, player: &Player) -> Result<(), GameError> {
        let sit_down = |lobby: Option<Lobby>| match lobby.ok_or(GONE)? {
            lobby if lobby.mark_of(player).is_some() => Ok(lobby),
            Lobby { guest: Some(_), .. } => Err("Somebody else was faster."),
            lobby => Ok(Lobby { guest: Some(player.clone()), ..lobby }),
        };
        self.lobbies.try_modify(checked(id)?, sit_down).await?;
        Ok(())
    }

    /// Takes the lobby and its board away; only its host may.
    pub async fn delete(&self, id: &str, player: &Player) -> Result<(), GameError> {
        let lobby = self.lobby(id).await?;
        if lobby.host.id != player.id {
            return Err(GameError::Refused("Only who made the game can delete it."));
        }
        self.lobbies.purge(id).await.map_err(failed)?;
        self.boards.purge(id).await.map_err(failed)
    }

    /// Marks a cell. The lobby lives on as long as somebody plays.
    pub async fn play(&self, id: &str, player: &Player, cell: u8) -> Result<(), GameError> {
        let lobby = self.lobby(id).await?;
        let Some(mark) = lobby.mark_of(player) else { return Err(GameError::Refused("You only look on here.")) };
        if lobby.guest.is_none() {
            return Err(GameError::Refused("Wait until somebody joins."));
        }
        let marked = |board: Option<Board>| board.ok_or(GONE)?.with(mark, cell).map_err(Illegal::words);
        self.boards.try_modify(id, marked).await?;
        self.lobbies.try_modify(id, |lobby| lobby.ok_or(GONE)).await?;
        Ok(())
    }

    /// Empties the board of a game that is over; either player may.
    pub async fn play_again(&self, id: &str, player: &Player) -> Result<(), GameError> {
        if self.lobby(id).await?.mark_of(player).is_none() {
            return Err(GameError::Refused("You only look on here."));
        }
        let emptied = |board: Option<Board>| match board.ok_or(GONE)? {
            board if board.is_over() => Ok(Board::default()),
            board => Ok(board),
        };
        self.boards.try_modify(id, emptied).await?;
        Ok(())
    }

    /// All lobbies: as they are now, and after each change.
    pub async fn lobbies(
        &self,
    ) -> Result<impl Stream<Item = Result<BTreeMap<String, Lobby>, nats::Error>> + Send + use<>, nats::Error> {
        let changes = self.lobbies.watch_with_history(">").await?.map_err(nats::Error::from);
        let state = (changes, BTreeMap::new(), false);
        Ok(stream::try_unfold(state, async |(mut changes, mut lobbies, mut is_current)| {
            while let Some(change) = changes.try_next().await? {
                match change {
                    Change::Put { key, value, .. } => drop(lobbies.insert(key, value)),
                    Change::Removed { key, .. } => drop(lobbies.remove(&key)),
                    Change::Current => is_current = true,
                }
                if is_current {
                    return Ok(Some((lobbies.clone(), (changes, lobbies, is_current))));
                }
            }
            Ok(None)
        }))
    }

    /// One game: as it is now, and after each change; nothing if it is gone.
    pub async fn game(
        &self,
        id: &str,
    ) -> Result<impl Stream<Item = Result<Option<Game>, nats::Error>> + Send + use<>, GameError> {
        let id = checked(id)?.to_owned();
        let lobby = self.lobbies.watch(&id).await.map_err(failed)?.map_ok(drop).map_err(nats::Error::from);
        let board = self.boards.watch(&id).await.map_err(failed)?.map_ok(drop).map_err(nats::Error::from);
        let games = self.clone();
        Ok(stream::select(lobby, board).and_then(move |()| {
            let (games, id) = (games.clone(), id.clone());
            async move { games.look(&id).await }
        }))
    }

    async fn look(&self, id: &str) -> Result<Option<Game>, nats::Error> {
        let (lobby, board) = (self.lobbies.get(id).await?, self.boards.get(id).await?);
        Ok(lobby.zip(board).map(|(lobby, board)| Game { lobby, board }))
    }

    async fn lobby(&self, id: &str) -> Result<Lobby, GameError> {
        self.lobbies.get(checked(id)?).await.map_err(failed)?.ok_or(GameError::Refused(GONE))
    }
}

impl Lobby {
    /// What a player marks with, if it is one of the two.
    pub fn mark_of(&self, player: &Player) -> Option<Mark> {
        if self.host.id == player.id {
            return Some(Mark::X);
        }
        self.guest.as_ref().filter(|guest| guest.id == player.id).map(|_| Mark::O)
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<TryModifyError<&'static str, E>> for GameError {
    fn from(error: TryModifyError<&'static str, E>) -> Self {
        match error {
            TryModifyError::Declined(words) => Self::Refused(words),
            TryModifyError::Modify(error) => Self::Failed(error.into()),
        }
    }
}

fn failed(error: impl Into<nats::Error>) -> GameError {
    GameError::Failed(error.into())
}

/// Ids come from addresses that anybody can type.
fn checked(id: &str) -> Result<&str, GameError> {
    if token::is_token(id) { Ok(id) } else { Err(GameError::Refused(GONE)) }
}

const GONE: &str = "This game is gone.";
const MARKER_LIFETIME: Duration = Duration::from_secs(60);

#[cfg(test)]
#[path = "domain_tests.rs"]
mod tests;

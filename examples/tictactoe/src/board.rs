//! The rules: nine cells, two marks, three in a row.

use serde::{Deserialize, Serialize};

/// The cells in the order in which they were marked: X begins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Board {
    moves: Vec<u8>,
}

/// Who marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The first.
    X,
    /// The second.
    O,
}

/// How a game stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is somebody's turn.
    Turn(Mark),
    /// Somebody has three in a row.
    Won(Mark),
    /// All cells are marked, and nobody has.
    Draw,
}

/// Why a cell is not marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Illegal {
    /// There is no such cell.
    NoCell,
    /// It is the other one's turn.
    NotYourTurn,
    /// The cell has a mark.
    Taken,
    /// The game is over.
    Over,
}

impl Board {
    /// What a cell has.
    pub fn mark_at(&self, cell: u8) -> Option<Mark> {
        self.moves.iter().position(|&marked| marked == cell).map(Mark::of_turn)
    }

    /// How the game stands.
    pub fn standing(&self) -> Standing {
        let has = |mark, line: &[u8; 3]| line.iter().all(|&cell| self.mark_at(cell) == Some(mark));
        let won = |mark| LINES.iter().any(|line| has(mark, line));
        match [Mark::X, Mark::O].into_iter().find(|&mark| won(mark)) {
            Some(mark) => Standing::Won(mark),
            None if self.moves.len() == usize::from(CELLS) => Standing::Draw,
            None => Standing::Turn(Mark::of_turn(self.moves.len())),
        }
    }

    /// The board with one mark more.
    ///
    /// # Errors
    /// Why that is against the rules.
    pub fn with(mut self, mark: Mark, cell: u8) -> Result<Self, Illegal> {
        match self.standing() {
            _ if cell >= CELLS => Err(Illegal::NoCell),
            Standing::Won(_) | Standing::Draw => Err(Illegal::Over),
            Standing::Turn(turn) if turn != mark => Err(Illegal::NotYourTurn),
            Standing::Turn(_) if self.mark_at(cell).is_some() => Err(Illegal::Taken),
            Standing::Turn(_) => {
                self.moves.push(cell);
                Ok(self)
            }
        }
    }

    /// Whether nothing more can be marked.
    pub fn is_over(&self) -> bool {
        !matches!(self.standing(), Standing::Turn(_))
    }
}

impl Mark {
    fn of_turn(turn: usize) -> Self {
        if turn.is_multiple_of(2) { Self::X } else { Self::O }
    }

    /// As it is drawn.
    pub fn letter(self) -> &'static str {
        match self {
            Self::X => "X",
            Self::O => "O",
        }
    }
}

impl Illegal {
    /// What the player is told.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoCell => "There is no such cell.",
            Self::NotYourTurn => "It is not your turn.",
            Self::Taken => "That cell is taken.",
            Self::Over => "The game is over.",
        }
    }
}

/// Cells of a board, numbered row by row.
pub const CELLS: u8 = 9;
const LINES: [[u8; 3]; 8] = [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]];

#[cfg(test)]
mod tests {
    use super::*;

    fn played(cells: &[u8]) -> Board {
        let marks = [Mark::X, Mark::O].into_iter().cycle();
        cells.iter().zip(marks).fold(Board::default(), |board, (&cell, mark)| board.with(mark, cell).unwrap())
    }

    #[test]
    fn three_in_a_row_win() {
        assert_eq!(played(&[0, 3, 1, 4, 2]).standing(), Standing::Won(Mark::X));
        assert_eq!(played(&[0, 2, 1, 4, 8, 6]).standing(), Standing::Won(Mark::O));
        assert_eq!(played(&[0, 1, 2, 4, 3, 5, 7, 6, 8]).standing(), Standing::Draw);
        assert_eq!(played(&[0]).standing(), Standing::Turn(Mark::O));
    }

    #[test]
    fn nothing_else_is_allowed() {
        assert_eq!(played(&[0]).with(Mark::X, 1), Err(Illegal::NotYourTurn));
        assert_eq!(played(&[0]).with(Mark::O, 0), Err(Illegal::Taken));
        assert_eq!(played(&[]).with(Mark::X, 9), Err(Illegal::NoCell));
        assert_eq!(played(&[0, 3, 1, 4, 2]).with(Mark::O, 8), Err(Illegal::Over));
    }
}

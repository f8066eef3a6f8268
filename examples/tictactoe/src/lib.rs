//! Tic-tac-toe. `domain.rs` has all that is messaging, `board.rs` the rules, `web.rs` and `pages.rs` what a browser sees.
//! The former and the latter two are compiled twice, on embus in this process and on async-nats.

pub mod board;
pub mod embedded;
pub mod remote;

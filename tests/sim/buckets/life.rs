//! What happens while a broker lives: small random steps.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use embus_storage::medium::crash::Fault;

use super::change::{Change, KEYS, value_of};
use super::program::{self, Program, Task};
use super::world::{MAX_TURNS, World};
use crate::machine::{Down, catch};
use crate::scenario::pick;

impl World {
    /// One process, until it dies or is to be replaced.
    pub(super) fn life(&mut self) -> Result<(), Down> {
        if self.rng.u8(..4) > 0 {
            let call = self.machine.calls() + self.rng.u64(1..300);
            let fault = *pick(&mut self.rng, &[Fault::PowerCut, Fault::PowerCut, Fault::Crash]);
            self.trace.note(format_args!("{fault:?} at {call}"));
            self.machine.fail_at(call, fault);
        }
        for _ in 0..self.rng.usize(50..400) {
            self.step()?;
        }
        if self.rng.bool() {
            self.machine.forget_faults();
            self.come_to_rest()?;
            self.check()?;
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Down> {
        match self.rng.u32(..100) {
            0..25 => self.begin(),
            25..60 => self.go_on(),
            60..95 => self.turn(),
            95..98 => self.pass_time(),
            _ => self.come_to_rest(),
        }
    }

    fn begin(&mut self) -> Result<(), Down> {
        if self.programs.len() >= MAX_PROGRAMS {
            return Ok(());
        }
        let (bucket, before, now) = (self.bucket()?, self.model.now_reading(), self.now());
        let key = self.rng.usize(..KEYS.len());
        let (task, future): (_, std::pin::Pin<Box<dyn Future<Output = _>>>) = match self.rng.u8(..10) {
            0..7 => {
                let change = Change::random(self.markers.is_some(), now, &mut self.rng);
                let number = self.model.changes.len();
                let value = value_of(number, &mut self.rng);
                self.model.changes.push(change.clone());
                (Task::Change(number), Box::pin(program::change(bucket, change, value.into())))
            }
            7 => (Task::Read(key), Box::pin(program::find(bucket, key))),
            8 => (Task::History(key), Box::pin(program::history(bucket, key))),
            _ => (Task::List, Box::pin(program::list(bucket))),
        };
        self.trace.note(format_args!("{task:?} begins: {:?}", self.model.changes.last()));
        self.programs.push(Program { task, before, future });
        self.poll(self.programs.len() - 1)
    }

    fn go_on(&mut self) -> Result<(), Down> {
        if self.programs.is_empty() {
            return Ok(());
        }
        let place = self.rng.usize(..self.programs.len());
        self.poll(place)
    }

    fn poll(&mut self, place: usize) -> Result<(), Down> {
        let future = &mut self.programs[place].future;
        let polled = catch(|| future.as_mut().poll(&mut Context::from_waker(Waker::noop())))?;
        self.collect();
        self.alive()?;
        if let Poll::Ready(outcome) = polled {
            let Program { task, before, .. } = self.programs.remove(place);
            self.trace.note(format_args!("{task:?}: {outcome:?}"));
            self.ended(task, &before, outcome);
        }
        Ok(())
    }

    /// Lets all programs come to their end.
    fn come_to_rest(&mut self) -> Result<(), Down> {
        for _ in 0..MAX_TURNS {
            if self.programs.is_empty() && !self.crew.has_work() {
                return Ok(());
            }
            self.go_on()?;
            self.turn()?;
        }
        panic!("a program never ends: {:?}", self.programs.first().map(|program| program.task));
    }

    fn pass_time(&mut self) -> Result<(), Down> {
        let span = Duration::from_millis(self.rng.u64(100..2500));
        self.trace.note(format_args!("{span:?} pass"));
        self.clock.advance(span);
        self.do_what_is_due()
    }

    pub(super) fn do_what_is_due(&mut self) -> Result<(), Down> {
        let engine = self.process.as_ref().map(|process| std::sync::Arc::clone(&process.engine)).ok_or(Down)?;
        catch(|| engine.handle_deadlines())?;
        self.collect();
        self.alive()
    }
}

/// Programs that are at work at once.
const MAX_PROGRAMS: usize = 6;

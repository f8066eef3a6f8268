//! The destination of a transform, read as the reference server reads it: first the form of all tokens, then what their
//! functions want.

use crate::filter::{is_valid_filter, tokens};

use super::functions::Function;
use super::{Part, TransformError};

/// The parts of a destination.
pub(super) fn parse(source: &str, destination: &str) -> Result<Vec<Part>, TransformError> {
    check_form(destination)?;
    let wildcards = Wildcards::of(source);
    let has_rest = |filter: &str| filter == ">" || filter.ends_with(".>");
    let is_fitting = is_valid_filter(source.as_bytes())
        && has_rest(source) == has_rest(destination)
        && tokens(destination.as_bytes()).all(|token| token != b"*");
    if !is_fitting {
        return Err(TransformError::InvalidSubject);
    }
    destination.split('.').map(|token| parse_token(token, &wildcards)).collect()
}

/// Empty tokens, white space, what stands behind `>`, and functions that do not exist.
fn check_form(destination: &str) -> Result<(), TransformError> {
    let mut is_over = false;
    for token in destination.split('.') {
        if token.is_empty() || is_over {
            return Err(TransformError::InvalidToken { token: token.to_owned() });
        }
        if looks_like_function(token) {
            find_function(token).ok_or_else(|| TransformError::UnknownFunction { token: token.to_owned() })?;
        } else if token.contains([' ', '\t', '\r', '\n', '\u{c}']) {
            return Err(TransformError::InvalidToken { token: String::new() });
        }
        is_over = token == ">";
    }
    Ok(())
}

fn looks_like_function(token: &str) -> bool {
    token.len() > 4 && token.starts_with("{{") && token.ends_with("}}")
}

/// Where the `*` of the source stand.
struct Wildcards {
    positions: Vec<usize>,
    /// Whether there is no wildcard at all, not even `>`.
    is_literal: bool,
}

impl Wildcards {
    fn of(source: &str) -> Self {
        let is_star = |(at, token): (usize, &str)| (token == "*").then_some(at);
        let positions: Vec<_> = source.split('.').enumerate().filter_map(is_star).collect();
        let is_literal = positions.is_empty() && source != ">" && !source.ends_with(".>");
        Self { positions, is_literal }
    }

    /// Where the n-th stands, counted from one; below that it is the first token of the subject. [nats-server]
    fn position(&self, index: i64, token: &str) -> Result<usize, TransformError> {
        let out_of_range = |index| TransformError::IndexOutOfRange { token: token.to_owned(), index };
        if self.is_literal {
            return Err(out_of_range(None));
        }
        match usize::try_from(index) {
            Err(_) if index > 0 => Err(out_of_range(Some(index))),
            Err(_) | Ok(0) => Ok(0),
            Ok(nth) => self.positions.get(nth - 1).copied().ok_or_else(|| out_of_range(Some(index))),
        }
    }
}

fn parse_token(token: &str, wildcards: &Wildcards) -> Result<Part, TransformError> {
    if token == ">" {
        return Ok(Part::Rest);
    }
    if let Some(Ok(index)) = token.strip_prefix('$').map(str::parse) {
        return wildcards.position(index, token).map(|position| Part::Function(Function::Token { position }));
    }
    match looks_like_function(token).then(|| find_function(token)).flatten() {
        Some((name, arguments)) => Call { token, arguments: split_arguments(arguments), wildcards }.parse(name),
        None => Ok(Part::Literal(token.as_bytes().into())),
    }
}

/// The functions in the order in which the reference server looks for them.
#[derive(Clone, Copy)]
enum Name {
    Wildcard,
    Partition,
    SplitFromLeft,
    SplitFromRight,
    SliceFromLeft,
    SliceFromRight,
    Right,
    Left,
    Split,
    Random,
}

/// Names are written like this; letters that are capital here may be small too.
const NAMES: [(Name, &str); 10] = [
    (Name::Wildcard, "Wildcard"),
    (Name::Partition, "Partition"),
    (Name::SplitFromLeft, "SplitFromLeft"),
    (Name::SplitFromRight, "SplitFromRight"),
    (Name::SliceFromLeft, "SliceFromLeft"),
    (Name::SliceFromRight, "SliceFromRight"),
    (Name::Right, "Right"),
    (Name::Left, "Left"),
    (Name::Split, "Split"),
    (Name::Random, "Random"),
];

/// Which function a token calls, and what stands between its parentheses.
fn find_function(token: &str) -> Option<(Name, &str)> {
    NAMES.iter().find_map(|(name, spelling)| Some((*name, find_call(token, spelling)?)))
}

/// Looks for `{{name(…)}}` anywhere in the token, as far to the left and as long as can be.
fn find_call<'a>(token: &'a str, spelling: &str) -> Option<&'a str> {
    let mut starts = (2..=token.len()).filter(|start| token.as_bytes()[..*start].ends_with(b"{{"));
    starts.find_map(|start| {
        let call = strip_name(token[start..].trim_start(), spelling)?.trim_start().strip_prefix('(')?;
        let mut ends = call.match_indices(')').filter(|(at, _)| call[at + 1..].trim_start().starts_with("}}"));
        ends.next_back().map(|(at, _)| &call[..at])
    })
}

fn strip_name<'a>(text: &'a str, spelling: &str) -> Option<&'a str> {
    let (name, rest) = text.split_at_checked(spelling.len())?;
    let fits = |(letter, spelled): (u8, u8)| {
        letter == spelled || (spelled.is_ascii_uppercase() && letter == spelled.to_ascii_lowercase())
    };
    name.bytes().zip(spelling.bytes()).all(fits).then_some(rest)
}

/// Parted by commas; white space behind a comma belongs to it.
fn split_arguments(text: &str) -> Vec<&str> {
    let mut arguments: Vec<_> = text.split(',').collect();
    for argument in arguments.iter_mut().skip(1) {
        *argument = argument.trim_start();
    }
    arguments
}

/// A call of a function.
struct Call<'a> {
    token: &'a str,
    /// At least one, which may be empty.
    arguments: Vec<&'a str>,
    wildcards: &'a Wildcards,
}

impl Call<'_> {
    fn parse(&self, name: Name) -> Result<Part, TransformError> {
        let function = match name {
            Name::Random => return self.random(),
            Name::Wildcard => self.wildcard()?,
            Name::Partition => self.partition()?,
            Name::Split => self.split()?,
            Name::SplitFromLeft => self.with_length(|position, length| Function::SplitFromLeft { position, length })?,
            Name::SplitFromRight => {
                self.with_length(|position, length| Function::SplitFromRight { position, length })?
            }
            Name::SliceFromLeft => self.with_length(|position, length| Function::SliceFromLeft { position, length })?,
            Name::SliceFromRight => {
                self.with_length(|position, length| Function::SliceFromRight { position, length })?
            }
            Name::Right => self.with_length(|position, length| Function::Right { position, length })?,
            Name::Left => self.with_length(|position, length| Function::Left { position, length })?,
        };
        Ok(Part::Function(function))
    }

    fn wildcard(&self) -> Result<Function, TransformError> {
        match self.arguments[..] {
            [""] => Err(self.not_enough()),
            [index] => Ok(Function::Token { position: self.wildcards.position(self.number(index)?, self.token)? }),
            _ => Err(self.too_many()),
        }
    }

    fn partition(&self) -> Result<Function, TransformError> {
        let (buckets, indexes) = self.arguments.split_first().ok_or_else(|| self.not_enough())?;
        let buckets = self.small_number(buckets)?.cast_unsigned();
        let indexes = indexes.iter().map(|index| self.number(index)).collect::<Result<Vec<i64>, _>>()?;
        // Without wildcards there is nothing to choose from: the whole subject counts. [nats-server]
        let chosen = if self.wildcards.is_literal { &[][..] } else { &indexes };
        let positions = chosen.iter().map(|index| self.wildcards.position(*index, self.token));
        Ok(Function::Partition { buckets, positions: positions.collect::<Result<_, _>>()? })
    }

    fn split(&self) -> Result<Function, TransformError> {
        let (index, separator) = self.two()?;
        let index = self.number(index)?;
        if separator.contains([' ', '.']) {
            return Err(self.invalid());
        }
        let position = self.wildcards.position(index, self.token)?;
        Ok(Function::Split { position, separator: separator.as_bytes().into() })
    }

    fn with_length(&self, make: impl FnOnce(usize, i32) -> Function) -> Result<Function, TransformError> {
        let (index, length) = self.two()?;
        let (index, length) = (self.number(index)?, self.small_number(length)?);
        Ok(make(self.wildcards.position(index, self.token)?, length))
    }

    fn random(&self) -> Result<Part, TransformError> {
        match self.arguments[..] {
            [below] => Ok(Part::Random(u32::try_from(self.small_number(below)?).unwrap_or(0))),
            _ => Err(self.not_enough()),
        }
    }

    fn two(&self) -> Result<(&str, &str), TransformError> {
        match self.arguments[..] {
            [first, second] => Ok((first, second)),
            [_] => Err(self.not_enough()),
            _ => Err(self.too_many()),
        }
    }

    fn number(&self, text: &str) -> Result<i64, TransformError> {
        text.trim().parse().map_err(|_| self.invalid())
    }

    fn small_number(&self, text: &str) -> Result<i32, TransformError> {
        text.trim().parse().map_err(|_| self.invalid())
    }

    fn not_enough(&self) -> TransformError {
        TransformError::NotEnoughArguments { token: self.token.to_owned() }
    }

    fn invalid(&self) -> TransformError {
        TransformError::InvalidArgument { token: self.token.to_owned() }
    }

    fn too_many(&self) -> TransformError {
        TransformError::TooManyArguments { token: self.token.to_owned() }
    }
}

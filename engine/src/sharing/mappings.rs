//! Subjects that stand for others: what clients of an account publish to one goes to another, or to one of several.
//! [reference §1.11]

use embus_protocol::filter;
use embus_protocol::transform::{SubjectTransform, TransformError};

/// What becomes of the subjects that match a filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// The filter.
    pub source: String,
    /// What they become. What is left of a hundred percent stays as it is, unless the source itself is among them: then
    /// that much is lost.
    pub destinations: Vec<Destination>,
}

/// What a subject becomes, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The subject, with functions of the tokens.
    pub subject: String,
    /// In percent.
    pub weight: u8,
}

impl Mapping {
    /// All messages on `source` go to `destination`.
    pub fn new(source: impl Into<String>, destination: impl Into<String>) -> Self {
        Self::default().from(source).or(destination, 100)
    }

    /// Messages on `source` go to one of several: add them with [`or`](Self::or).
    pub fn weighted(source: impl Into<String>) -> Self {
        Self::default().from(source)
    }

    fn from(self, source: impl Into<String>) -> Self {
        Self { source: source.into(), ..self }
    }

    /// So many percent go to `destination`.
    pub fn or(mut self, destination: impl Into<String>, weight: u8) -> Self {
        self.destinations.push(Destination { subject: destination.into(), weight });
        self
    }
}

/// Why a mapping is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MappingError {
    /// Correct the filter.
    #[error("mapping {0:?} is not a subject filter")]
    Source(String),
    /// Correct the destination.
    #[error("mapping for {from:?} to {to:?}: {error}")]
    Destination {
        /// The filter.
        from: String,
        /// The destination.
        to: String,
        /// What is wrong.
        error: TransformError,
    },
    /// All of a source together are at most 100.
    #[error("mapping for {0:?}: total weight needs to be <= 100")]
    Weight(String),
    /// Two destinations of a source are the same.
    #[error("mapping for {from:?}: duplicate entry for {to:?}")]
    Duplicate {
        /// The filter.
        from: String,
        /// The destination.
        to: String,
    },
}

/// The mappings of an account, ready to be asked.
#[derive(Debug, Default)]
pub(crate) struct Mappings(Vec<Compiled>);

#[derive(Debug)]
struct Compiled {
    source: Box<[u8]>,
    /// Each with the sum of its weight and those before it.
    destinations: Vec<(u32, Option<SubjectTransform>)>,
}

/// What becomes of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mapped {
    /// It stays.
    Same,
    /// It is in the buffer.
    Other,
    /// The message goes nowhere.
    Lost,
}

impl Mappings {
    /// # Errors
    /// [`MappingError`] for the first that is none.
    pub(crate) fn new(mappings: &[Mapping]) -> Result<Self, MappingError> {
        mappings.iter().map(Compiled::new).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What `subject` becomes. The first mapping counts; what it makes is not mapped again.
    pub(crate) fn apply(&self, subject: &[u8], random: &mut fastrand::Rng, out: &mut Vec<u8>) -> Mapped {
        let found = self.0.iter().find(|mapping| filter::matches(&mapping.source, subject));
        let Some(mapping) = found else { return Mapped::Same };
        let roll = match mapping.destinations.as_slice() {
            [(100, _)] => 0,
            _ => random.u32(..100),
        };
        match mapping.destinations.iter().find(|(up_to, _)| roll < *up_to) {
            Some((_, Some(transform))) if transform.apply(subject, out) => Mapped::Other,
            Some((_, None)) => Mapped::Same,
            // What has no destination, or an empty token in it, cannot be delivered.
            _ => Mapped::Lost,
        }
    }
}

impl Compiled {
    fn new(mapping: &Mapping) -> Result<Self, MappingError> {
        let Mapping { source, destinations } = mapping;
        if !filter::is_valid_filter(source.as_bytes()) {
            return Err(MappingError::Source(source.clone()));
        }
        let total: u32 = destinations.iter().map(|destination| u32::from(destination.weight)).sum();
        if total > 100 {
            return Err(MappingError::Weight(source.clone()));
        }
        let mut sum = 0;
        let mut compiled = Vec::new();
        for (index, Destination { subject, weight }) in destinations.iter().enumerate() {
            if destinations[..index].iter().any(|other| other.subject == *subject) {
                return Err(MappingError::Duplicate { from: source.clone(), to: subject.clone() });
            }
            sum += u32::from(*weight);
            compiled.push((sum, transform(source, subject)?));
        }
        if !destinations.iter().any(|destination| destination.subject == *source) {
            compiled.push((100, None));
        }
        Ok(Self { source: source.as_bytes().into(), destinations: compiled })
    }
}

/// Nothing where the destination is the source.
fn transform(from: &str, to: &str) -> Result<Option<SubjectTransform>, MappingError> {
    if from == to {
        return Ok(None);
    }
    let fail = |error| MappingError::Destination { from: from.to_owned(), to: to.to_owned(), error };
    match SubjectTransform::compile(from, to).map_err(fail)? {
        Some(transform) => Ok(Some(transform)),
        None => Err(fail(TransformError::InvalidSubject)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(mappings: &Mappings, subject: &str, random: &mut fastrand::Rng) -> Option<String> {
        let mut out = Vec::new();
        match mappings.apply(subject.as_bytes(), random, &mut out) {
            Mapped::Same => Some(subject.to_owned()),
            Mapped::Other => String::from_utf8(out).ok(),
            Mapped::Lost => None,
        }
    }

    fn share(mapping: Mapping, becomes: Option<&str>) -> usize {
        let mappings = Mappings::new(&[mapping]).unwrap();
        let mut random = fastrand::Rng::with_seed(1);
        (0..1000).filter(|_| apply(&mappings, "a", &mut random).as_deref() == becomes).count()
    }

    #[test]
    fn the_first_mapping_counts_and_once() {
        let all = [Mapping::new("m.*", "n.$1"), Mapping::new("m.x", "never"), Mapping::new("n.*", "never")];
        let (mappings, mut random) = (Mappings::new(&all).unwrap(), fastrand::Rng::with_seed(1));
        let mut check = |subject: &str, becomes: &str| {
            assert_eq!(apply(&mappings, subject, &mut random).as_deref(), Some(becomes));
        };
        check("m.x", "n.x");
        check("n.x", "never");
        check("o", "o");
    }

    #[test]
    fn weights_share_messages_out() {
        let near = |count: usize, percent: usize| assert!(count.abs_diff(percent * 10) < 60, "{count}");
        let split = || Mapping::weighted("a").or("b", 30).or("c", 20);
        near(share(split(), Some("b")), 30);
        near(share(split(), Some("c")), 20);
        near(share(split(), Some("a")), 50);
        let lossy = || Mapping::weighted("a").or("b", 30).or("a", 20);
        near(share(lossy(), Some("a")), 20);
        near(share(lossy(), None), 50);
        assert_eq!(share(Mapping::new("a", "b"), Some("b")), 1000);
        assert_eq!(share(Mapping::weighted("a").or("b", 0), Some("a")), 1000);
    }

    #[test]
    fn what_is_no_mapping_is_refused() {
        let check = |mapping: Mapping| assert!(Mappings::new(&[mapping]).is_err());
        check(Mapping::new("a..b", "c"));
        check(Mapping::new("a.*", "c.$2"));
        check(Mapping::new("a", ""));
        check(Mapping::weighted("a").or("b", 60).or("c", 50));
        check(Mapping::weighted("a").or("b", 20).or("b", 20));
    }
}

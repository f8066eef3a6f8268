//! Subjects that stand for others.

use super::{
    account::Percent,
    read::{Field, Read, Report, Section, named},
    validate::Checks,
};
use crate::{Kind, Value};

/// One entry of `mappings`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// The subjects that are mapped.
    pub source: String,
    /// What they become.
    pub destinations: Vec<Destination>,
}

/// What a subject becomes, and how often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destination {
    /// `destination`, `dest`: the subject, with functions of the tokens.
    pub subject: String,
    /// `weight`, in percent; 100 without it.
    pub weight: Option<u16>,
    /// `cluster`: only in this cluster.
    pub cluster: Option<String>,
}

/// A `mappings` block.
pub(super) struct Mappings(Vec<Mapping>);

impl Read for Mappings {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        let mappings = named::<Destinations>(value, report)?;
        Some(Self(
            mappings.into_iter().map(|(source, Destinations(destinations))| Mapping { source, destinations }).collect(),
        ))
    }
}

impl From<Mappings> for Vec<Mapping> {
    fn from(Mappings(mappings): Mappings) -> Self {
        mappings
    }
}

/// One text, one block, or a list of blocks.
struct Destinations(Vec<Destination>);

impl Read for Destinations {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        match &value.kind {
            Kind::Text(subject) => Some(Self(vec![Destination { subject: subject.clone(), ..Destination::default() }])),
            Kind::Block(_) => Destination::read(value, report).map(|destination| Self(vec![destination])),
            Kind::List(_) => Vec::read(value, report).map(Self),
            _ => report.wrong(value, "a subject, a map or a list of maps"),
        }
    }
}

impl Section for Destination {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "destination" | "dest" => field.set(&mut self.subject),
            "weight" => field.set_from::<Weight, _>(&mut self.weight),
            "cluster" => field.set(&mut self.cluster),
            _ => field.unknown(),
        }
    }
}

struct Weight(Percent);

impl Read for Weight {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        Percent::read(value, report).map(Self)
    }
}

impl From<Weight> for Option<u16> {
    fn from(Weight(Percent(percent)): Weight) -> Self {
        Some(percent)
    }
}

impl Mapping {
    pub(super) fn check(&self, path: &str, checks: &mut Checks<'_>) {
        checks.subject(path, &self.source);
        // Each cluster has its own hundred percent.
        let mut clusters: Vec<&Option<String>> =
            self.destinations.iter().map(|destination| &destination.cluster).collect();
        clusters.dedup();
        for cluster in clusters {
            let of = self.destinations.iter().filter(|destination| destination.cluster == *cluster);
            let total: u32 = of.map(|destination| u32::from(destination.weight.unwrap_or(100))).sum();
            if total > 100 {
                checks.fault(
                    path,
                    format!("Error adding mapping for {:?} : total weight needs to be <= 100", self.source),
                );
            }
        }
        for (index, destination) in self.destinations.iter().enumerate() {
            let text = format!("Error adding mapping for {:?} to {:?} ", self.source, destination.subject);
            checks.transform(path, &self.source, &destination.subject, &text);
            let is_twice =
                |other: &Destination| other.subject == destination.subject && other.cluster == destination.cluster;
            if self.destinations.iter().take(index).any(is_twice) {
                let text = format!(
                    "Error adding mapping for {:?} : duplicate entry for {:?}",
                    self.source, destination.subject
                );
                checks.fault(path, text);
            }
        }
    }
}

//! Messages of consumers go on into other accounts, and consumers see whether anybody is there.

use super::Crossing;
use super::cross::crossing_of;
use super::crossing::Kind;
use crate::connection::INTERNAL;
use crate::deliver::Publisher;
use crate::deliver_as::{Handed, Reach};
use crate::route::Route;
use crate::router::Router;
use crate::subscription::Subscription;
use crate::sync::Arc;
use crate::worker::Worker;

impl Worker {
    /// Takes a message of a consumer through all of these; returns how many took it behind them. It shows the subject that
    /// it was published to, wherever it is delivered.
    #[cold]
    pub(crate) fn cross_handed(&mut self, crossings: &[Arc<Subscription>], handed: &Handed<'_>) -> usize {
        crossings
            .iter()
            .filter(|subscription| !subscription.is_closed())
            .filter_map(|subscription| crossing_of(subscription))
            .map(|crossing| self.cross_one(crossing, handed))
            .sum()
    }

    fn cross_one(&mut self, crossing: &Crossing, handed: &Handed<'_>) -> usize {
        if matches!(crossing.kind, Kind::Service { .. }) {
            let headers = handed.to_block();
            let publisher = Publisher { id: INTERNAL, echo: true };
            return self.cross(crossing, publisher, &handed.as_request(&headers));
        }
        let Some(via) = self.via.behind(&crossing.kind) else { return 0 };
        let Some((router, to)) = crossing.next(handed.to) else { return 0 };
        let before = std::mem::replace(&mut self.via, via);
        let taken = self.deliver_as(&router, &Handed { to: &to, ..*handed });
        self.via = before;
        taken
    }
}

impl Crossing {
    /// Where a message of a consumer goes on.
    fn next(&self, to: &[u8]) -> Option<(Arc<Router>, Vec<u8>)> {
        match &self.kind {
            // One that is empty ends nothing: it was stored so.
            Kind::Answer(answers) => Some((self.to.upgrade()?, answers.take(to, false)?.into_vec())),
            _ => self.leads(to),
        }
    }

    /// The same without going there.
    fn sight(&self, to: &[u8]) -> Option<(Arc<Router>, Vec<u8>)> {
        match &self.kind {
            Kind::Answer(answers) => Some((self.to.upgrade()?, answers.look_up(to)?.into_vec())),
            _ => self.leads(to),
        }
    }
}

/// The route of what is behind a crossing, as far as it is seen from here, and the subject there.
fn route_behind(subscription: &Subscription, subject: &[u8]) -> Option<(Route, Vec<u8>)> {
    let (router, subject) = crossing_of(subscription)?.sight(subject)?;
    let mut route = Route::default();
    router.fill_route(&subject, &mut route);
    Some((route, subject))
}

/// How the accounts behind these can be reached, by `reach` of one route.
pub(crate) fn reach_behind(
    crossings: &[Arc<Subscription>],
    subject: &[u8],
    hops: u8,
    reach: &dyn Fn(&Route) -> Reach,
) -> Reach {
    let mut best = Reach::Nobody;
    for (route, subject) in crossings.iter().filter_map(|subscription| route_behind(subscription, subject)) {
        let mut found = reach(&route);
        if found == Reach::Nobody && hops > 0 {
            found = reach_behind(route.crossings(), &subject, hops - 1, reach);
        }
        match found {
            Reach::Open => return Reach::Open,
            Reach::Congested => best = Reach::Congested,
            Reach::Nobody => {}
        }
    }
    best
}

/// Calls `visit` for every destination behind these.
pub(crate) fn visit_behind(
    crossings: &[Arc<Subscription>],
    subject: &[u8],
    hops: u8,
    visit: &mut dyn FnMut(&Arc<Subscription>),
) {
    for (route, subject) in crossings.iter().filter_map(|subscription| route_behind(subscription, subject)) {
        route.destinations().for_each(&mut *visit);
        if hops > 0 {
            visit_behind(route.crossings(), &subject, hops - 1, visit);
        }
    }
}

/// Whether anybody behind this subscription wants what is published on `subject`.
pub(crate) fn is_wanted_behind(subscription: &Subscription, subject: &[u8]) -> bool {
    let behind = route_behind(subscription, subject);
    behind.is_some_and(|(route, _)| route.destinations().next().is_some() || !route.crossings().is_empty())
}

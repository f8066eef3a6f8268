//! Who a client is and what it may do, decided without a runtime, a socket or a clock.
//!
//! A connection tells of itself in a [`Login`]; an [`Authenticator`] answers with a [`Verdict`]: an [`Identity`], which
//! carries the account and the [`Permissions`], or a refusal. [`Users`] is the authenticator of a list of users,
//! [`jwt::Operators`] that of users who show JWTs, and [`callout`] what a service is asked.

#![forbid(unsafe_code)]

mod authenticator;
pub mod callout;
mod certificate;
mod distinguished_name;
mod identity;
pub mod jwt;
mod login;
mod password;
mod permissions;
mod review;
mod rules;
mod signature;
mod users;

pub use authenticator::{Authenticator, Verdict};
pub use certificate::Certificate;
pub use distinguished_name::DistinguishedName;
pub use identity::Identity;
pub use login::{ConnectionType, Login, LoginTls, Refused};
pub use password::Password;
pub use permissions::Permissions;
pub use review::Dismissed;
pub use rules::{PermissionRules, Responses, RuleError, SubjectRules};
pub use users::{Credential, User, UserError, Users, UsersBuilder};

//! Operators of the configuration file, as the broker knows them.

use std::{fs::File, io, io::Read, path::Path};

use embus::auth::jwt::{OperatorError, Operators, OperatorsBuilder, undecorated};
use embus_conf::{Config, Fault, Operator, Resolver};

/// Reads the files that `operator` names, and sees whether operators and accounts go together.
///
/// # Errors
/// [`Fault`] with the directive's position.
pub(crate) fn load(config: &mut Config) -> Result<(), Fault> {
    let fault = |names: &[&str], text: String| {
        let directive = config.given.iter().find(|directive| names.contains(&directive.path.as_str()));
        Fault { position: directive.map(|directive| directive.position.clone()), text }
    };
    let mut read = Vec::new();
    for operator in &config.operator.operators {
        read.push(jwt(operator).map_err(|text| fault(OPERATOR, text))?);
    }
    if let Some(builder) =
        builder(&Operator { operators: read.clone(), ..config.operator.clone() }, config.system_account.as_deref())
        && let Err(error) = builder.build()
    {
        return Err(fault(names(&error), error.to_string()));
    }
    config.operator.operators = read;
    Ok(())
}

/// The operators, once their files were read; nothing if nobody is trusted.
pub(crate) fn builder(operator: &Operator, system_account: Option<&str>) -> Option<OperatorsBuilder> {
    if !operator.is_on() {
        return None;
    }
    let builder = operator.operators.iter().fold(Operators::builder(), OperatorsBuilder::operator);
    let builder = operator.trusted_keys.iter().fold(builder, OperatorsBuilder::trusted_key);
    let builder = operator.preload.iter().fold(builder, |builder, (_, jwt)| builder.account(jwt));
    let builder = operator.pinned_accounts.iter().fold(builder, OperatorsBuilder::pinned_account);
    let builder = operator.default_sentinel.iter().fold(builder, OperatorsBuilder::sentinel);
    Some(system_account.into_iter().fold(builder, OperatorsBuilder::system_account))
}

/// Whether accounts would have to be asked for elsewhere.
pub(crate) fn asks_elsewhere(operator: &Operator) -> bool {
    operator.resolver.as_ref().is_some_and(|resolver| *resolver != Resolver::Memory)
}

/// The JWT itself, or that in the file of this name. [nats-server: `jwtPrefix`]
fn jwt(operator: &str) -> Result<String, String> {
    if operator.starts_with("eyJ") {
        return Ok(operator.to_owned());
    }
    let text =
        read(Path::new(operator)).map_err(|error| format!("error parsing operator JWT: open {operator}: {error}"))?;
    Ok(undecorated(&text).to_owned())
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Where to look for what is wrong.
fn names(error: &OperatorError) -> &'static [&'static str] {
    match error {
        OperatorError::SystemAccount(_) | OperatorError::SystemAccounts => &["system_account", "system"],
        OperatorError::Account(_) | OperatorError::Twice(_) => &["resolver_preload"],
        OperatorError::Sentinel(_) | OperatorError::SentinelNotBearer => &["default_sentinel"],
        OperatorError::Pinned(_) => &["resolver_pinned_accounts"],
        OperatorError::TrustedKey(_) => TRUSTED,
        _ => OPERATOR,
    }
}

const OPERATOR: &[&str] = &["operator", "operators", "root", "roots", "root_operator", "root_operators"];
const TRUSTED: &[&str] = &["trusted_keys", "trusted"];

/// More than any JWT of an operator has.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use embus::auth::jwt::sign;
    use embus_conf::Nowhere;
    use nkeys::{KeyPair, KeyPairType};
    use serde_json::{Value, json};

    use super::*;

    fn operator(mut nats: Value) -> String {
        (nats["type"], nats["version"]) = ("operator".into(), 2.into());
        let pair = KeyPair::new_from_raw(KeyPairType::Operator, [1; 32]).unwrap();
        sign(json!({"sub": pair.public_key(), "nats": nats}), &pair).unwrap()
    }

    fn loaded(text: &str) -> Result<Config, String> {
        let mut config = Config::parse("c.conf", text, &Nowhere).unwrap();
        load(&mut config).map(|()| config).map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_jwt_may_stand_in_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let (path, jwt) = (directory.path().join("op.jwt"), operator(json!({})));
        let text = format!("-----BEGIN NATS OPERATOR JWT-----\n{jwt}\n------END NATS OPERATOR JWT------\n");
        std::fs::write(&path, text).unwrap();
        let config = loaded(&format!("operator: '{}'\nresolver: MEMORY", path.display())).unwrap();
        assert_eq!(config.operator.operators, [jwt]);
        assert!(builder(&config.operator, None).unwrap().build().is_ok());
        assert!(builder(&Operator::default(), None).is_none());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let check = |text: &str, expected: &str| {
            let found = loaded(text).unwrap_err();
            assert!(found.contains(expected), "{found}");
        };
        check(
            "operator: '/nonexistent'\nresolver: MEMORY",
            "c.conf:1:1: error parsing operator JWT: open /nonexistent: ",
        );
        let system = KeyPair::new_from_raw(KeyPairType::Account, [2; 32]).unwrap().public_key();
        let jwt = operator(json!({"system_account": system}));
        let text = format!("operator: {jwt}\nresolver: MEMORY\nsystem_account: AOTHER");
        check(&text, "c.conf:3:1: system_account in config and operator JWT must be identical");
    }
}

//! `CONSUMER.CREATE` in its three forms and `CONSUMER.DURABLE.CREATE`: what the subject says must fit the body.
//! [reference §3.1]

use super::state;
use crate::api::error::ApiError;
use crate::api::json;
use crate::api::request::Call;
use crate::api::response::Outcome;
use crate::api::stream::find;
use crate::consumer::config::{Action, ConsumerConfig};
use crate::jetstream::JetStream;
use crate::sync::Arc;

#[derive(Debug, Default)]
struct CreateRequest {
    stream: String,
    config: ConsumerConfig,
    action: Action,
    pedantic: bool,
}
json::fields!(CreateRequest, "server.CreateConsumerRequest", {
    "stream_name" => stream,
    "config" => config,
    "action" => action,
    "pedantic" => pedantic,
});

pub(in crate::api) fn create(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    let mut request = read(call)?;
    fit(call, &mut request.config)?;
    carry_out(jetstream, call, request)
}

pub(in crate::api) fn create_durable(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    let mut request = read(call)?;
    fit_durable(call, &mut request.config)?;
    carry_out(jetstream, call, request)
}

fn read(call: &Call<'_>) -> Result<CreateRequest, ApiError> {
    let request: CreateRequest = json::decode(call.body)?;
    if request.stream == call.stream { Ok(request) } else { Err(ApiError::stream_name_mismatch()) }
}

/// The name in the subject is the consumer's, whatever the configuration says.
fn fit(call: &Call<'_>, config: &mut ConsumerConfig) -> Result<(), ApiError> {
    if call.consumer.is_empty() {
        return if config.is_durable() { Err(ApiError::consumer_expected_ephemeral()) } else { Ok(()) };
    }
    if config.is_durable() && config.durable_name != call.consumer {
        return Err(ApiError::consumer_durable_mismatch());
    }
    if !call.filter.is_empty() {
        if !config.filter_subjects.is_empty() {
            return Err(ApiError::consumer_several_filters_in_subject());
        }
        if config.filter_subject != call.filter {
            return Err(ApiError::consumer_filter_mismatch());
        }
    }
    call.consumer.as_ref().clone_into(&mut config.name);
    Ok(())
}

fn fit_durable(call: &Call<'_>, config: &mut ConsumerConfig) -> Result<(), ApiError> {
    if !config.is_durable() {
        return Err(ApiError::consumer_durable_not_set());
    }
    if config.durable_name != call.consumer {
        return Err(ApiError::consumer_durable_mismatch());
    }
    config.name.clone_from(&config.durable_name);
    Ok(())
}

fn carry_out(jetstream: &Arc<JetStream>, call: &Call<'_>, request: CreateRequest) -> Result<Outcome, ApiError> {
    let CreateRequest { config, action, pedantic, .. } = request;
    // These two are said before it is said that there is no such stream.
    config.check_separators()?;
    config.check_possible_replicas()?;
    let stream = find(jetstream, call)?;
    let info = jetstream.create_consumer(&stream, config, action, pedantic)?;
    Ok(Outcome::of_stream(stream, Ok(state::object(&info, true))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Request;

    fn parsed(subject: &str, config: &str) -> Result<ConsumerConfig, ApiError> {
        let body = format!(r#"{{"stream_name":"S","config":{config}}}"#);
        let request = Request { subject: subject.as_bytes(), reply: None, headers: b"", payload: body.as_bytes() };
        let call = Call::parse(&request).unwrap();
        let mut config = read(&call)?.config;
        let fit = if subject.contains("DURABLE") { fit_durable } else { fit };
        fit(&call, &mut config).map(|()| config)
    }

    #[track_caller]
    fn check(subject: &str, config: &str, expected: Result<&str, u16>) {
        let parsed = parsed(&format!("$JS.API.CONSUMER.{subject}"), config);
        let name = parsed.map(|config| config.name).map_err(|error| error.err_code);
        assert_eq!(name.as_deref(), expected.as_ref().map(|name| *name), "{subject} {config}");
    }

    #[test]
    fn the_subject_must_fit_the_configuration() {
        check("CREATE.S", "{}", Ok(""));
        check("CREATE.S", r#"{"name":"c"}"#, Ok("c"));
        check("CREATE.S", r#"{"durable_name":"c"}"#, Err(10020));
        check("CREATE.T", "{}", Err(10056));
        check("CREATE.S", r#"{"foo":1}"#, Err(10025));
        check("CREATE.S.c", r#"{"durable_name":"d"}"#, Err(10017));
        check("CREATE.S.c", r#"{"name":"d"}"#, Ok("c"));
        check("CREATE.S.c.a.b", r#"{"name":"c"}"#, Err(10131));
        check("CREATE.S.c.a.b", r#"{"filter_subject":"a.b"}"#, Ok("c"));
        check("CREATE.S.c.a.b", r#"{"filter_subjects":["a.b"]}"#, Err(10137));
        check("DURABLE.CREATE.S.c", "{}", Err(10018));
        check("DURABLE.CREATE.S.c", r#"{"durable_name":"d"}"#, Err(10017));
        check("DURABLE.CREATE.S.c", r#"{"durable_name":"c","name":"d"}"#, Ok("c"));
    }

    #[test]
    fn actions() {
        let text = |body: &[u8]| {
            json::decode::<CreateRequest>(body).map(|request| request.action).map_err(|error| error.to_string())
        };
        assert_eq!(text(br#"{"action":"update"}"#), Ok(Action::Update));
        assert_eq!(text(br#"{"action":"create"}"#), Ok(Action::Create));
        assert_eq!(text(br#"{"action":""}"#), Ok(Action::CreateOrUpdate));
        assert_eq!(text(br#"{"action":null}"#), Ok(Action::CreateOrUpdate));
        let refused = |raw: &str| Err(format!("invalid JSON: unknown consumer action: {raw}"));
        assert_eq!(text(br#"{"action":"foo"}"#), refused("\"foo\""));
        assert_eq!(text(br#"{"action":5}"#), refused("5"));
    }
}

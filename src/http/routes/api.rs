//! Audit API: `/api/v1/…`, documented in docs/audit-api.md and docs/openapi.json.

use std::sync::Arc;

use axum::{
    extract::{RawQuery, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    app::App,
    audit::export::{json_lines::Checkpoint, public_entry::PublicEvent},
    flow::{
        FlowError,
        audit::api::{self, Admission, MOST_EVENTS},
    },
    http::page::{
        PageError,
        problem::{ApiProblem, Program, json},
    },
    model::credential::api_token::{ApiToken, BadToken, PREFIX, TokenScope},
};

/// The OpenAPI description, as in the repository.
const OPENAPI: &str = include_str!("../../../docs/openapi.json");
/// Default of the parameter `limit`.
const USUAL_EVENTS: u32 = 100;
/// Parameter names that clients use for tokens.
const TOKEN_NAMES: [&str; 5] = ["token", "access_token", "api_key", "apikey", "authorization"];

#[derive(Serialize)]
struct PageQuery {
    events: Vec<PublicEvent>,
    next: i64,
    head: i64,
    more: bool,
}

#[derive(Serialize)]
struct HeadBody {
    head: i64,
    checkpoint: Option<Checkpoint>,
}

/// `GET /api/v1/audit/events`
pub(crate) async fn events(State(app): State<Arc<App>>, program: Program, RawQuery(query): RawQuery) -> Result<Response, Response> {
    let query = query.unwrap_or_default();
    no_token_in(&query).map_err(IntoResponse::into_response)?;
    let token = admit(&app, &program, TokenScope::AuditRead).await?;
    let (after, limit) = asked(&query).map_err(IntoResponse::into_response)?;
    let page = api::events(&app, &program.visit, &token, after, limit).await.map_err(fault)?;
    if after > page.head {
        let detail =
            "after is beyond the end of the log: a backup was restored, or the log was cut off. Keep what you have, and begin again.";
        return Err(ApiProblem::new(StatusCode::CONFLICT, "cursor_ahead", detail).into_response());
    }
    let more = page.next < page.head;
    let answer = PageQuery { events: page.events, next: page.next, head: page.head, more };
    Ok(json(StatusCode::OK, "application/json", &answer))
}

/// `GET /api/v1/audit/head`
pub(crate) async fn head(State(app): State<Arc<App>>, program: Program, RawQuery(query): RawQuery) -> Result<Response, Response> {
    let query = query.unwrap_or_default();
    no_token_in(&query).map_err(IntoResponse::into_response)?;
    admit(&app, &program, TokenScope::AuditHead).await?;
    if !query.is_empty() {
        return Err(unknown_parameter().into_response());
    }
    let head = app.feed.head().await.map_err(fault)?;
    let checkpoint = app.feed.last_checkpoint().await.map_err(fault)?;
    let answer = HeadBody { head, checkpoint };
    Ok(json(StatusCode::OK, "application/json", &answer))
}

/// `GET /api/v1/openapi.json`. It is public.
pub(crate) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], OPENAPI).into_response()
}

fn fault(cause: impl Into<FlowError>) -> Response {
    PageError::from(cause.into()).into_response()
}

async fn admit(app: &App, program: &Program, needed: TokenScope) -> Result<ApiToken, Response> {
    let bad = |bad: BadToken| match bad {
        BadToken::Unknown => {
            ApiProblem::new(StatusCode::UNAUTHORIZED, bad.code(), "Send a token of this service: Authorization: Bearer os2nykode_…")
                .challenged("Bearer realm=\"os2nykode\"")
        }
        BadToken::Expired => {
            ApiProblem::new(StatusCode::UNAUTHORIZED, bad.code(), "The token has expired. Make a new one with `os2nykode token add`.")
                .challenged("Bearer realm=\"os2nykode\", error=\"invalid_token\"")
        }
        BadToken::Revoked => ApiProblem::new(StatusCode::UNAUTHORIZED, bad.code(), "The token was revoked.")
            .challenged("Bearer realm=\"os2nykode\", error=\"invalid_token\""),
        BadToken::Scope => ApiProblem::new(StatusCode::FORBIDDEN, bad.code(), "The token lacks the scope for this address.")
            .challenged("Bearer realm=\"os2nykode\", error=\"insufficient_scope\", scope=\"audit:read\""),
    };
    match api::admit(app, &program.visit, program.token.as_deref(), needed).await.map_err(fault)? {
        Admission::Granted(token) => Ok(token),
        Admission::Refused(why) => Err(bad(why).into_response()),
        Admission::Wait(seconds) => {
            let problem =
                ApiProblem::new(StatusCode::TOO_MANY_REQUESTS, "too_many", "Too many requests, or too many wrong tokens. See Retry-After.");
            Err(problem.later(seconds).into_response())
        }
    }
}

/// Refuses a token in the query, because addresses end up in the logs of servers, proxies and browsers.
fn no_token_in(query: &str) -> Result<(), ApiProblem> {
    let pairs = serde_urlencoded::from_str::<Vec<(String, String)>>(query).unwrap_or_default();
    let is_token = |(name, value): &(String, String)| {
        TOKEN_NAMES.contains(&name.to_ascii_lowercase().as_str()) || value.contains(PREFIX) || name.contains(PREFIX)
    };
    if pairs.iter().any(is_token) {
        let detail = "Tokens in an address are refused: send the token as Authorization: Bearer, and revoke this one.";
        return Err(ApiProblem::new(StatusCode::BAD_REQUEST, "token_in_address", detail));
    }
    Ok(())
}

fn unknown_parameter() -> ApiProblem {
    ApiProblem::new(StatusCode::BAD_REQUEST, "bad_parameter", "Unknown or repeated parameter.")
}

/// Parses `after` and `limit`. Other or repeated parameters are errors.
fn asked(query: &str) -> Result<(i64, u32), ApiProblem> {
    let pairs = serde_urlencoded::from_str::<Vec<(String, String)>>(query).map_err(|_| unknown_parameter())?;
    let (mut after, mut limit) = (None, None);
    for (name, value) in pairs {
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        let number = value.parse::<i64>().ok().filter(|_| digits);
        let (place, most, detail) = match name.as_str() {
            "after" => (&mut after, i64::MAX, "after must be a whole number, 0 or more."),
            "limit" => (&mut limit, i64::from(MOST_EVENTS), "limit must be a whole number, 1 to 1000."),
            _ => return Err(unknown_parameter()),
        };
        if place.is_some() {
            return Err(unknown_parameter());
        }
        let fits = number.filter(|number| *number <= most && (name == "after" || *number > 0));
        *place = Some(fits.ok_or_else(|| ApiProblem::new(StatusCode::BAD_REQUEST, "bad_parameter", detail))?);
    }
    let limit = limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(USUAL_EVENTS);
    Ok((after.unwrap_or(0), limit))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use crate::http::routes::api::*;
    use crate::model::{
        audit::{AuditOutcome, EventKind, RetentionClass, alerts::AlertRule},
        identity::{LoginMethod, level::AssuranceLevel},
        notice::Notice,
    };

    fn described() -> Value {
        serde_json::from_str(OPENAPI).expect("JSON")
    }

    /// The member names of an example.
    fn members(of: &Value) -> BTreeSet<String> {
        of.as_object().expect("an object").keys().cloned().collect()
    }

    fn value(of: &impl Serialize) -> Value {
        serde_json::to_value(of).expect("JSON")
    }

    fn an_event() -> PublicEvent {
        let party =
            || Some(crate::audit::export::public_entry::PublicParty { guid: String::new(), account: String::new(), name: String::new() });
        let text = || Some(String::new());
        PublicEvent {
            number: 1,
            authentic: true,
            at: String::new(),
            visit: String::new(),
            kind: String::new(),
            class: Some(""),
            outcome: String::new(),
            reason: String::new(),
            actor: party(),
            unknown_name: text(),
            method: text(),
            provider: text(),
            level: text(),
            assertion: text(),
            client: text(),
            user_agent: text(),
            role: text(),
            authority: text(),
            target: party(),
            target_domain: text(),
            controller: text(),
            attempt: text(),
            note: text(),
            ticket: text(),
            cut: false,
        }
    }

    #[test]
    fn the_description_has_every_member_of_every_answer_and_no_other() {
        let event = an_event();
        let checkpoint = Checkpoint { number: 1, at: 1, chain: Vec::new(), key_id: String::new(), signature: Vec::new() };
        let answers = [
            ("Event", value(&event)),
            ("Party", value(event.actor.as_ref().expect("an actor"))),
            ("Checkpoint", value(&checkpoint)),
            ("Events", value(&PageQuery { events: Vec::new(), next: 0, head: 0, more: false })),
            ("Head", value(&HeadBody { head: 0, checkpoint: None })),
        ];
        let description = described();
        for (name, example) in answers {
            let schema = &description["components"]["schemas"][name];
            assert_eq!(members(&schema["properties"]), members(&example), "{name}");
            let required: BTreeSet<String> = serde_json::from_value(schema["required"].clone()).expect("names");
            assert_eq!(required, members(&example), "{name}: nothing is left out where it is null");
            for (member, about) in schema["properties"].as_object().expect("an object") {
                assert!(
                    about["description"].is_string() || about["$ref"].is_string() || about["oneOf"].is_array(),
                    "{name}.{member} is described"
                );
            }
        }
    }

    #[test]
    fn the_description_lists_every_word() {
        let description = described();
        let event = &description["components"]["schemas"]["Event"]["properties"];
        let words = |member: &str| -> BTreeSet<String> { serde_json::from_value(event[member]["examples"].clone()).expect("words") };
        let all = |codes: Vec<&str>| codes.into_iter().map(str::to_owned).collect::<BTreeSet<String>>();
        assert_eq!(words("kind"), all(EventKind::ALL.iter().map(|kind| kind.code()).collect()));
        assert_eq!(words("class"), all(RetentionClass::ALL.iter().map(|class| class.code()).collect()));
        assert_eq!(words("outcome"), all(AuditOutcome::ALL.iter().map(|outcome| outcome.code()).collect()));
        assert_eq!(words("method"), all(LoginMethod::ALL.iter().map(|method| method.code()).collect()));
        assert_eq!(words("level"), all(AssuranceLevel::ALL.iter().map(|level| level.code()).collect()));
        let guide = include_str!("../../../docs/audit-api.md");
        for word in Notice::USUAL.iter().map(|notice| notice.code()).chain(AlertRule::ALL.iter().map(|rule| rule.code())) {
            assert!(guide.contains(&format!("`{word}`")), "docs/audit-api.md explains {word}");
        }
        for scope in TokenScope::ALL {
            assert!(guide.contains(&format!("`{}`", scope.code())));
        }
    }

    #[test]
    fn every_address_that_is_described_is_there_and_the_limit_is_the_one_that_is_described() {
        let description = described();
        let paths = members(&description["paths"]);
        assert_eq!(
            paths.iter().map(String::as_str).collect::<Vec<_>>(),
            ["/api/v1/audit/events", "/api/v1/audit/head", "/api/v1/openapi.json"]
        );
        let limit = &description["paths"]["/api/v1/audit/events"]["get"]["parameters"][1]["schema"];
        assert_eq!((&limit["maximum"], &limit["default"], &limit["minimum"]), (&MOST_EVENTS.into(), &USUAL_EVENTS.into(), &1.into()));
    }

    #[test]
    fn only_whole_numbers_are_taken_each_once() {
        assert_eq!(asked("").expect("taken"), (0, 100));
        assert_eq!(asked("limit=1000&after=9223372036854775807").expect("taken"), (i64::MAX, 1000));
        for query in [
            "after=-1",
            "after=+1",
            "after=",
            "after=1.0",
            "after=9223372036854775808",
            "limit=0",
            "limit=1001",
            "limit=a",
            "after=1&after=2",
            "x=1",
            "after=1&",
            "After=1",
            "after=%31%",
            "limit",
            "after=٣",
        ] {
            let known = ["after=1&"]; // form encoding itself ignores the trailing separator
            assert_eq!(asked(query).is_ok(), known.contains(&query), "{query}");
        }
    }

    #[test]
    fn a_token_in_an_address_is_seen_under_any_name() {
        for query in ["token=x", "access_token=x", "API_KEY=1", "after=os2nykode_0123", "os2nykode_0123", "x=%6fs2nykode_0"] {
            assert!(no_token_in(query).is_err(), "{query}");
        }
        assert!(no_token_in("after=1&limit=2").is_ok());
    }
}

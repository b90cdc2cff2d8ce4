//! Printed slips with new passwords for the members of a class.

use std::sync::Arc;

use askama::Template;
use axum::{
    Extension,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

use crate::http::routes::delegation::lists::denied;
use crate::{
    app::App,
    flow::delegation::slips::{Chosen, MOST, Made, Missing, Slip, make},
    http::{
        extract::form::Form,
        middleware::limits::Ends,
        page::{AuthenticatedRequest, Frame, PageError, page},
    },
    model::{
        ad::{guid::ObjectGuid, sid::Sid},
        audit::attempt::AttemptId,
    },
};

/// The question before all these passwords are set.
#[derive(Template)]
#[template(path = "pages/slips-confirm.html")]
pub(crate) struct SlipsConfirmPage {
    pub(crate) frame: Frame,
    pub(crate) action: String,
    pub(crate) back: String,
    pub(crate) token: String,
    pub(crate) attempt: AttemptId,
    pub(crate) targets: Vec<ObjectGuid>,
}

impl SlipsConfirmPage {
    fn question(&self) -> String {
        self.frame.words.counting("slips-confirm", "count", i64::try_from(self.targets.len()).unwrap_or(i64::MAX))
    }
}

#[derive(Template)]
#[template(path = "pages/slips.html")]
pub(crate) struct SlipsPage {
    pub(crate) frame: Frame,
    pub(crate) title: String,
    pub(crate) back: String,
    pub(crate) slips: Vec<Slip>,
}

impl SlipsPage {
    fn done(&self) -> impl Iterator<Item = &Slip> {
        self.slips.iter().filter(|slip| slip.outcome.is_ok())
    }

    /// Names of the accounts without a slip, and the reasons.
    fn missing(&self) -> Vec<(String, String)> {
        let words = &self.frame.words;
        let why = |missing: &Missing| match missing {
            Missing::Refused(refusal) => words.refusal(refusal).into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" "),
            Missing::NoProposal => words.t("slip-no-proposal"),
            Missing::AlreadySent => words.t("slip-already"),
            Missing::Unknown => words.t("slip-unknown"),
            Missing::NoTime => String::new(), // they share one line
        };
        let line = |slip: &Slip| slip.outcome.as_ref().err().map(|missing| (slip.name.clone(), why(missing)));
        let late = self.slips.iter().filter(|slip| slip.outcome == Err(Missing::NoTime)).count();
        let late =
            i64::try_from(late).ok().filter(|late| *late > 0).map(|late| (String::new(), words.counting("slips-no-time", "count", late)));
        self.slips.iter().filter_map(line).filter(|(_, why)| !why.is_empty()).chain(late).collect()
    }
}

/// `POST /delegation/group/{group}/slips`: the question, and with `confirmed` the passwords. The answer then is the page with the passwords. No address shows them again.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    Path(group): Path<String>,
    member: AuthenticatedRequest,
    Extension(Ends(ends)): Extension<Ends>,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let Some(group) = Sid::parse(&group) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    let all = |name: &'static str| sent.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str());
    let Some(attempt) = all("attempt").next().and_then(AttemptId::parse) else { return Ok(StatusCode::BAD_REQUEST.into_response()) };
    let Some(mut targets) = all("account").map(ObjectGuid::parse).collect::<Option<Vec<_>>>() else {
        return Ok(StatusCode::BAD_REQUEST.into_response());
    };
    let back = format!("/delegation/group/{group}");
    let mut seen = std::collections::BTreeSet::new();
    targets.retain(|target| seen.insert(*target));
    if targets.is_empty() {
        let page = all("page").next().and_then(|page| page.parse::<usize>().ok()).unwrap_or(1);
        return Ok(Redirect::to(&format!("{back}?page={page}&none=1")).into_response());
    }
    if all("confirmed").next().is_none() {
        targets.truncate(MOST);
        let (mut frame, token, action) = (member.frame, member.token, format!("{back}/slips"));
        frame.path.clone_from(&back);
        return Ok(page(StatusCode::OK, &SlipsConfirmPage { frame, action, back, token, attempt, targets }));
    }
    Ok(match make(&app, &member.visit, &member.identity, &Chosen { group, targets, attempt }, ends).await? {
        Made::Slips(ground, slips) => {
            let mut frame = member.frame;
            frame.path.clone_from(&back);
            page(StatusCode::OK, &SlipsPage { title: frame.ground(&ground), frame, back, slips })
        }
        Made::Denied(denial) => denied(member.frame, denial),
    })
}

//! Overview of the audit log: charts by day, the same numbers as tables, and export.

use std::sync::Arc;

use askama::Template;
use axum::{
    body::Body,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::civil::Date;
use serde::Deserialize;

use crate::http::routes::delegation::lists::denied;
use crate::{
    app::App,
    flow::audit::{
        export::{ExportFormat, Period},
        read::{self, Day, Overview},
    },
    http::{
        extract::form::Form,
        page::{AuthenticatedRequest, Frame, PageError, page},
    },
};

/// Height of the tallest bar, in units of the chart's viewBox.
const TALLEST: i64 = 110;
/// Distance between bars, same unit.
const STEP: usize = 20;

/// A bar of a chart.
pub(crate) struct Bar {
    x: usize,
    y: i64,
    height: i64,
    text: String,
}

/// A chart of one number by day.
pub(crate) struct Chart {
    title: String,
    /// Text alternative of the chart.
    told: String,
    bars: Vec<Bar>,
}

#[derive(Template)]
#[template(path = "pages/log-overview.html")]
pub(crate) struct OverviewPage {
    pub(crate) frame: Frame,
    pub(crate) token: String,
    pub(crate) overview: Overview,
}

impl OverviewPage {
    fn charts(&self) -> Vec<Chart> {
        let chart = |key: &str, of: fn(&Day) -> i64| {
            let most = self.overview.days.iter().map(|(_, day)| of(day)).max().unwrap_or(0);
            let all = self.overview.days.iter().map(|(_, day)| of(day)).sum();
            let bars = self.overview.days.iter().enumerate().map(|(n, (date, day))| {
                let height = of(day).saturating_mul(TALLEST) / most.max(1);
                Bar { x: n * STEP + 2, y: 119 - height, height, text: format!("{date}: {}", of(day)) }
            });
            Chart { title: self.frame.t(key), told: self.frame.words.days_in_all(all, most), bars: bars.collect() }
        };
        vec![chart("log-set", |day| day.set), chart("log-refused", |day| day.refused), chart("log-failed", |day| day.failed_logins)]
    }
}

/// `GET /audit/overview`.
pub(crate) async fn show(State(app): State<Arc<App>>, member: AuthenticatedRequest) -> Result<Response, PageError> {
    Ok(match read::overview(&app, &member.visit, &member.identity).await? {
        Ok(overview) => page(StatusCode::OK, &OverviewPage { frame: member.frame, token: member.token, overview }),
        Err(denial) => denied(member.frame, denial),
    })
}

/// Period and format of an export.
#[derive(Deserialize)]
pub(crate) struct ExportForm {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    format: String,
}

/// `POST /audit/export`: the entries of a period as a file. The audit entry about it is written before the first byte is sent.
pub(crate) async fn export(
    State(app): State<Arc<App>>,
    member: AuthenticatedRequest,
    Form(sent): Form<ExportForm>,
) -> Result<Response, PageError> {
    let day = |text: &str| if text.is_empty() { Some(None) } else { text.parse::<Date>().ok().map(Some) };
    let (Some(from), Some(to), Ok(format)) = (day(&sent.from), day(&sent.to), sent.format.parse::<ExportFormat>()) else {
        return Ok(StatusCode::BAD_REQUEST.into_response());
    };
    Ok(match read::export(&app, &member.visit, &member.identity, Period { from, to }, format).await? {
        Ok(export) => {
            let kind = match format {
                ExportFormat::Csv => "text/csv; charset=utf-8",
                ExportFormat::JsonLines => "application/jsonl",
            };
            let name = format!("attachment; filename=\"audit.{}\"", format.code());
            let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)];
            (headers, Body::from_stream(export.into_stream())).into_response()
        }
        Err(denial) => denied(member.frame, denial),
    })
}

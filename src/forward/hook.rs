//! A web hook: one signed HTTPS POST for each notification.

use std::time::Duration;

use data_encoding::HEXLOWER;
use http::{HeaderValue, Method, Request, header};
use jiff::Timestamp;
use ring::hmac;
use secrecy::ExposeSecret;

use crate::forward::{DeliveryError, ForwardMessage, SetupError};
use crate::{
    config,
    http_client::{ClientLimits, HttpClient},
};

/// Largest answer in bytes. Only its status is used.
const LARGEST_ANSWER: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Hook {
    pub(crate) config: config::HookConfig,
    http: HttpClient,
}

impl Hook {
    pub(crate) fn new(id: &str, hook: &config::HookConfig, timeout: Duration) -> Result<Self, SetupError> {
        let terms = ClientLimits {
            ca_file: hook.tls.ca_file.as_deref(),
            certificate: hook.tls.certificate.as_ref(),
            patience: timeout,
            connect: timeout,
            largest: LARGEST_ANSWER,
            proxy: hook.url.starts_with("https://"),
        };
        let http = HttpClient::on(terms).map_err(|source| SetupError::Http { id: id.to_owned(), source })?;
        Ok(Self { config: hook.clone(), http })
    }

    /// 2xx means taken. 400, 413, 415 and 422 refuse this message for good; every other status is a failure that may pass.
    pub(crate) async fn tell(&self, parcel: &ForwardMessage, now: Timestamp) -> Result<(), DeliveryError> {
        let mut request = self.request(Method::POST, parcel.body.clone().into_bytes());
        let headers = request.headers_mut();
        let signature = signature(self.config.signing_key.expose_secret(), now, &parcel.body);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("idempotency-key", HeaderValue::from(parcel.number));
        headers.insert("os2nykode-signature", HeaderValue::from_str(&signature).expect("digits and letters"));
        match self.http.send(request).await?.status().as_u16() {
            200..300 => Ok(()),
            status @ (400 | 413 | 415 | 422) => Err(DeliveryError::Refused(status)),
            status => Err(DeliveryError::Status(status)),
        }
    }

    /// Sends HEAD. Redirects, 401, 403, 404 and 5xx are errors; any other status shows that the web hook is there.
    pub(crate) async fn probe(&self) -> Result<(), DeliveryError> {
        match self.http.send(self.request(Method::HEAD, Vec::new())).await?.status().as_u16() {
            status @ (300..=399 | 401 | 403 | 404 | 500..) => Err(DeliveryError::Status(status)),
            _ => Ok(()),
        }
    }

    fn request(&self, method: Method, body: Vec<u8>) -> Request<Vec<u8>> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = self.config.url.parse().expect("the configuration was checked to hold an address");
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static("os2nykode"));
        if let Some(token) = &self.config.token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).expect("checked to be sendable");
            value.set_sensitive(true);
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        request
    }
}

/// `t=` time in seconds, `v1=` hexadecimal HMAC-SHA-256, keyed with the key's text, over that time, a dot and the body as sent.
fn signature(key: &str, now: Timestamp, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let tag = hmac::sign(&key, format!("{}.{body}", now.as_second()).as_bytes());
    format!("t={},v1={}", now.as_second(), HEXLOWER.encode(tag.as_ref()))
}

#[cfg(test)]
mod tests {
    use crate::forward::hook::*;

    /// Computed with OpenSSL: printf '1800000000.{"number":1}' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
    #[test]
    fn the_signature_is_what_anybody_with_the_key_computes() {
        let now = Timestamp::from_second(1_800_000_000).expect("in range");
        let made = signature("0123456789abcdef0123456789abcdef", now, "{\"number\":1}");
        assert_eq!(made, "t=1800000000,v1=3778e0b57026347938236585999a5db44f4974f0618aec4b1572798ae72553a1");
    }
}

//! A whole answer, after which the connection is closed.

use std::fmt::Write;

use super::Method;

/// How a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the standard's own")]
pub enum Status {
    Ok,
    BadRequest,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    UpgradeRequired,
    HeaderFieldsTooLarge,
    ServiceUnavailable,
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    /// How the request was answered.
    pub status: Status,
    /// The media type of the body.
    pub content_type: &'static str,
    /// Headers beside those that every answer has.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The body.
    pub body: String,
}

impl Status {
    /// The number and its words.
    pub fn line(self) -> &'static str {
        match self {
            Status::Ok => "200 OK",
            Status::BadRequest => "400 Bad Request",
            Status::Forbidden => "403 Forbidden",
            Status::NotFound => "404 Not Found",
            Status::MethodNotAllowed => "405 Method Not Allowed",
            Status::RequestTimeout => "408 Request Timeout",
            Status::UpgradeRequired => "426 Upgrade Required",
            Status::HeaderFieldsTooLarge => "431 Request Header Fields Too Large",
            Status::ServiceUnavailable => "503 Service Unavailable",
        }
    }
}

impl Response {
    /// A line or more for people.
    pub fn text(status: Status, body: impl Into<String>) -> Response {
        let mut body = body.into();
        if !body.ends_with('\n') {
            body.push('\n');
        }
        Response { status, content_type: "text/plain; charset=utf-8", headers: Vec::new(), body }
    }

    /// The same with one more header.
    pub fn with(mut self, name: &'static str, value: &'static str) -> Response {
        self.headers.push((name, value));
        self
    }

    /// Its bytes; the answer to HEAD has the head alone.
    pub fn encode(&self, method: Method) -> Vec<u8> {
        let mut text = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             X-Content-Type-Options: nosniff\r\n",
            self.status.line(),
            self.content_type,
            self.body.len()
        );
        for (name, value) in &self.headers {
            // Writing to a string can't fail.
            let _ = write!(text, "{name}: {value}\r\n");
        }
        // `Connection: Upgrade` is the one exception.
        if !self.headers.iter().any(|(name, _)| *name == "Connection") {
            text.push_str("Connection: close\r\n");
        }
        text.push_str("\r\n");
        if method != Method::Head {
            text.push_str(&self.body);
        }
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_how_long_it_is_and_that_it_is_the_last() {
        let response = Response::text(Status::MethodNotAllowed, "no").with("Allow", "GET, HEAD");
        let [get, head] = [Method::Get, Method::Head]
            .map(|method| String::from_utf8(response.encode(method)).expect("UTF-8"));
        assert!(get.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"), "{get}");
        assert!(get.contains("\r\nContent-Length: 3\r\n") && get.contains("\r\nConnection: close\r\n"));
        assert!(get.ends_with("\r\n\r\nno\n") && get.contains("\r\nAllow: GET, HEAD\r\n"));
        assert_eq!(get.strip_suffix("no\n"), Some(&*head));
    }
}

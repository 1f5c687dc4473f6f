//! The head of a request: where it ends, and what it says.

use httparse::Error;

use super::Status;

/// What the front of a stream holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Split<'a> {
    /// The head is not complete yet.
    NeedMore,
    /// A complete head.
    Request {
        /// What it says.
        request: Request<'a>,
        /// How many bytes it takes from the stream.
        length: usize,
    },
}

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The path without a query, such as `/health`.
    pub path: &'a str,
    /// The host that is asked, with its port if one was named; HTTP/1.0 may do without.
    pub host: Option<&'a str>,
    headers: Vec<(&'a str, &'a [u8])>,
}

/// What is to be done with the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// It is to be sent.
    Get,
    /// Its head alone is to be sent.
    Head,
    /// Anything else, which nothing here can do.
    Other,
}

/// A head that can't be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bad {
    /// How it is answered.
    pub status: Status,
    /// Why, in words.
    pub why: &'static str,
}

/// A head has so many bytes at most.
const LONGEST_HEAD: usize = 8 << 10;
/// And so many headers.
const MOST_HEADERS: usize = 64;

/// Looks for the head of a request at the front of `bytes`.
pub fn split(bytes: &[u8]) -> Result<Split<'_>, Bad> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let too_long = Bad { status: Status::HeaderFieldsTooLarge, why: "the head has more than 8192 bytes" };
    let length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length > LONGEST_HEAD => return Err(too_long),
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() >= LONGEST_HEAD => return Err(too_long),
        Ok(httparse::Status::Partial) => return Ok(Split::NeedMore),
        Err(Error::TooManyHeaders) => {
            return Err(Bad {
                status: Status::HeaderFieldsTooLarge,
                why: "the head has more than 64 headers",
            });
        }
        Err(_) => return Err(bad("this is no request of HTTP/1.1 or 1.0")),
    };
    let (Some(method), Some(target), Some(version)) = (head.method, head.path, head.version) else {
        return Err(bad("this is no request of HTTP/1.1 or 1.0"));
    };
    let method = match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        _ => Method::Other,
    };
    let headers: Vec<_> = head.headers.iter().map(|header| (header.name, header.value)).collect();
    let mut request = Request { method, path: "/", host: None, headers };
    request.host = match (request.only("Host")?, version) {
        (None, 1) => return Err(bad("a request of HTTP/1.1 names its Host")),
        (host, _) => host,
    };
    // A proxy sends the whole address, and then that is the host which counts.
    let origin_form = match target.split_once("://") {
        Some((_, rest)) if !target.starts_with('/') => {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            request.host = Some(host);
            path
        }
        _ => target,
    };
    let path = origin_form.split(['?', '#']).next().unwrap_or_default();
    request.path = if path.is_empty() { "/" } else { path };
    Ok(Split::Request { request, length })
}

impl<'a> Request<'a> {
    /// The values of every header of this name.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| *value)
    }

    /// The value of a header that may stand there once.
    pub fn only(&self, name: &str) -> Result<Option<&'a str>, Bad> {
        let mut values = self.all(name);
        let (first, second) = (values.next(), values.next());
        if second.is_some() {
            return Err(bad("a header stands there twice that may stand there once"));
        }
        let text = first.map(|value| std::str::from_utf8(value).map(str::trim)).transpose();
        text.map_err(|_| bad("the value of a header is no text"))
    }

    /// Whether a header that is a list separated by commas has this word.
    pub fn lists(&self, name: &str, word: &str) -> bool {
        let mut words = self.all(name).flat_map(|value| value.split(|byte| *byte == b','));
        words.any(|listed| listed.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
    }
}

fn bad(why: &'static str) -> Bad {
    Bad { status: Status::BadRequest, why }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(bytes: &[u8]) -> Request<'_> {
        match split(bytes) {
            Ok(Split::Request { request, .. }) => request,
            other => panic!("{other:?}"),
        }
    }

    fn refused(bytes: &[u8]) -> Status {
        split(bytes).expect_err("it is wrong").status
    }

    #[test]
    fn a_head_ends_where_its_empty_line_is_and_not_before() {
        let head = b"GET /mqtt?x=1 HTTP/1.1\r\nHost: pi:8080\r\nUpgrade: websocket\r\n\r\n";
        let mut stream = head.to_vec();
        stream.extend(b"more");
        assert!(matches!(split(&stream), Ok(Split::Request { length, .. }) if length == head.len()));
        for cut in 0..head.len() {
            assert_eq!(split(&head[..cut]), Ok(Split::NeedMore), "{cut}");
        }
        let request = request(head);
        assert_eq!((request.method, request.path, request.host), (Method::Get, "/mqtt", Some("pi:8080")));
        assert!(request.lists("upgrade", "WebSocket") && !request.lists("upgrade", "web"));
    }

    #[test]
    fn hosts_are_there_once_and_older_requests_need_none() {
        assert_eq!(request(b"HEAD /health HTTP/1.0\r\n\r\n").host, None);
        assert_eq!(refused(b"GET / HTTP/1.1\r\n\r\n"), Status::BadRequest);
        assert_eq!(refused(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), Status::BadRequest);
        let proxied = request(b"GET http://pi:8080/health HTTP/1.1\r\nHost: other\r\n\r\n");
        assert_eq!((proxied.host, proxied.path), (Some("pi:8080"), "/health"));
        assert_eq!(request(b"GET http://pi HTTP/1.1\r\nHost: pi\r\n\r\n").path, "/");
    }

    #[test]
    fn nonsense_and_what_is_too_long_is_refused() {
        for nonsense in [&b"\x16\x03\x01\x02\0"[..], b"GET / HTTP/7.1\r\n\r\n", b"|START|COMMAND=LIST|END|\n"]
        {
            assert_eq!(refused(nonsense), Status::BadRequest);
        }
        let long = format!("GET / HTTP/1.1\r\nHost: pi\r\nX: {}", "x".repeat(9000));
        assert_eq!(refused(long.as_bytes()), Status::HeaderFieldsTooLarge);
        let many = format!("GET / HTTP/1.1\r\nHost: pi\r\n{}\r\n", "X: y\r\n".repeat(64));
        assert_eq!(refused(many.as_bytes()), Status::HeaderFieldsTooLarge);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = split(&bytes);
            let _ = split(&[b"GET ", &*bytes, b" HTTP/1.1\r\nHost: ", &*bytes, b"\r\n\r\n"].concat());
        }
    }
}

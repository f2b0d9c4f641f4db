//! A connection to one broker: one request at a time, its response taken as it comes.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, FetchRequest, MetadataRequest, RequestHeader,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};

use super::Trouble;

/// As librdkafka's `receive.message.max.bytes`.
const RESPONSE_BYTES_MAX: usize = 100_000_000;
const PREFIX: usize = 4;
/// The newest versions before the protocol's flexible ones; brokers have them since Kafka 2.3, and
/// Kafka 4 still does.
pub(super) const METADATA: i16 = 7;
pub(super) const FETCH: i16 = 11;
const NEEDED: [(ApiKey, i16); 2] = [(ApiKey::Metadata, METADATA), (ApiKey::Fetch, FETCH)];

/// A connection.
pub(super) struct Link {
    stream: TcpStream,
    timeout: Duration,
    number: i32,
    /// Since when a response is waited for, or when a part of it came last.
    waiting: Option<Instant>,
    came: Vec<u8>,
    /// What the request under way asks for: partitions and offsets.
    asked: Vec<(usize, i64)>,
}

fn away(what: impl std::fmt::Display) -> Trouble {
    Trouble::Passing(what.to_string())
}

impl Link {
    /// Connects, and asks whether the broker speaks what is needed.
    pub(super) fn open(host: &str, port: u16, timeout: Duration) -> Result<Link, Trouble> {
        let mut failure = None;
        for address in (host, port).to_socket_addrs().map_err(away)? {
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(stream) => return Link::begin(stream, timeout),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.map_or_else(|| away(format_args!("{host} has no address")), away))
    }

    fn begin(stream: TcpStream, timeout: Duration) -> Result<Link, Trouble> {
        stream.set_nodelay(true).map_err(away)?;
        stream.set_write_timeout(Some(timeout)).map_err(away)?;
        let mut link =
            Link { stream, timeout, number: 0, waiting: None, came: Vec::new(), asked: Vec::new() };
        let known: ApiVersionsResponse =
            link.ask(ApiKey::ApiVersions, 0, &ApiVersionsRequest::default())?;
        for (key, version) in NEEDED {
            let speaks = known.api_keys.iter().any(|api| {
                api.api_key == key as i16 && (api.min_version..=api.max_version).contains(&version)
            });
            if !speaks {
                return Err(Trouble::Unfamiliar(format!("a broker without {key:?} {version}")));
            }
        }
        Ok(link)
    }

    /// Asks where a topic's partitions are.
    pub(super) fn metadata<R: Decodable>(&mut self, asked: &MetadataRequest) -> Result<R, Trouble> {
        self.ask(ApiKey::Metadata, METADATA, asked)
    }

    /// Asks for records of these partitions from these offsets; the answer comes from
    /// [`Link::receive`].
    pub(super) fn fetch(
        &mut self,
        request: &FetchRequest,
        asked: Vec<(usize, i64)>,
    ) -> Result<(), Trouble> {
        self.asked = asked;
        self.send(ApiKey::Fetch, FETCH, request)
    }

    /// What the request asked for whose response has come.
    pub(super) fn take_asked(&mut self) -> Vec<(usize, i64)> {
        std::mem::take(&mut self.asked)
    }

    /// How many requests were sent.
    pub(super) fn requests(&self) -> usize {
        self.number as usize
    }

    /// Whether a response is on its way.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Gives the room of a response back, to be used for the next one.
    pub(super) fn reuse(&mut self, response: Bytes) {
        if self.came.capacity() == 0
            && let Ok(mut room) = response.try_into_mut()
        {
            room.clear();
            self.came = room.into();
        }
    }

    fn ask<A: Encodable + HeaderVersion, R: Decodable>(
        &mut self,
        key: ApiKey,
        version: i16,
        asked: &A,
    ) -> Result<R, Trouble> {
        self.send(key, version, asked)?;
        loop {
            if let Some(mut response) = self.receive(self.timeout)? {
                return R::decode(&mut response, version)
                    .map_err(|error| Trouble::Unfamiliar(error.to_string()));
            }
        }
    }

    fn send<A: Encodable + HeaderVersion>(
        &mut self,
        key: ApiKey,
        version: i16,
        asked: &A,
    ) -> Result<(), Trouble> {
        self.number = self.number.wrapping_add(1);
        let mut header = RequestHeader::default();
        header.request_api_key = key as i16;
        header.request_api_version = version;
        header.correlation_id = self.number;
        header.client_id = Some(StrBytes::from_static_str("footfall"));
        let mut request = BytesMut::zeroed(PREFIX);
        header.encode(&mut request, A::header_version(version)).map_err(away)?;
        asked.encode(&mut request, version).map_err(away)?;
        let length = u32::try_from(request.len() - PREFIX).map_err(away)?;
        request[..PREFIX].copy_from_slice(&length.to_be_bytes());
        (&self.stream).write_all(&request).map_err(away)?;
        self.waiting = Some(Instant::now());
        Ok(())
    }

    /// The response without its header; `None` when it was not all there in time. Then the next call
    /// goes on.
    pub(super) fn receive(&mut self, timeout: Duration) -> Result<Option<Bytes>, Trouble> {
        let Some(since) = self.waiting else { return Ok(None) };
        self.stream.set_read_timeout(Some(timeout.max(Duration::from_millis(1)))).map_err(away)?;
        loop {
            let wanted = self.wanted()?;
            let left = wanted - self.came.len();
            if left == 0 {
                break;
            }
            self.came.reserve(left);
            // Fills the room without zeroing it first, and keeps what came before an error.
            match (&self.stream).take(left as u64).read_to_end(&mut self.came) {
                Ok(read) if read < left => return Err(away("the broker closed the connection")),
                Ok(_) => self.waiting = Some(Instant::now()),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    if self.came.len() + left > wanted {
                        self.waiting = Some(Instant::now());
                    } else if since.elapsed() > self.timeout {
                        return Err(away("the broker does not answer"));
                    }
                    return Ok(None);
                }
                Err(error) => return Err(away(error)),
            }
        }
        self.waiting = None;
        let mut response = Bytes::from(std::mem::take(&mut self.came));
        response.advance(PREFIX);
        if response.len() < 4 || response.get_i32() != self.number {
            return Err(away("the broker answers what was not asked"));
        }
        Ok(Some(response))
    }

    /// How many bytes the response has, as far as that is known yet.
    fn wanted(&self) -> Result<usize, Trouble> {
        let Some(mut prefix) = self.came.get(..PREFIX) else { return Ok(PREFIX) };
        let length = prefix.get_u32() as usize;
        if length > RESPONSE_BYTES_MAX {
            return Err(Trouble::Lasting(format!(
                "a response of {length} bytes: expected {RESPONSE_BYTES_MAX} at the most"
            )));
        }
        Ok(PREFIX + length)
    }
}

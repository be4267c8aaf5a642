//! Somebody who writes AMQP by hand: what no client would publish, and the broker takes.

use std::io::{Read, Write};
use std::net::TcpStream;

use lapin::uri::AMQPUri;
use queue::rabbit::scratch::broker_url;

use crate::broker::PATIENCE;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;

fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()][..], text].concat()
}

fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// The content of a table whose only entry is a table, and so on, so many deep.
pub(crate) fn nested_tables(depth: usize) -> Vec<u8> {
    let mut table = Vec::new();
    for _ in 0..depth {
        table = [&short(b"a"), &b"F"[..], &long(&table)].concat();
    }
    table
}

struct Wire(TcpStream);

impl Wire {
    fn send(&mut self, kind: u8, channel: u8, payload: &[u8]) {
        self.0.write_all(&[&[kind, 0, channel][..], &long(payload), &[0xce]].concat()).unwrap();
    }

    /// The next frame of this method, without class and method.
    fn wait_for(&mut self, class: u8, method: u8) -> Vec<u8> {
        loop {
            let mut head = [0; 7];
            self.0.read_exact(&mut head).expect("the broker's answer");
            let size = u32::from_be_bytes(head[3..7].try_into().unwrap());
            let mut payload = vec![0; usize::try_from(size).unwrap() + 1];
            self.0.read_exact(&mut payload).unwrap();
            if head[0] == METHOD && payload.starts_with(&[0, class, 0, method]) {
                return payload[4..payload.len() - 1].to_vec();
            }
        }
    }
}

/// Publishes right into a queue. `headers` is the content of the table of headers, `kind` the message's type; both are sent as they are.
/// Returns when the broker has taken it.
pub(crate) fn publish(queue: &str, headers: &[u8], kind: &[u8], body: &[u8]) {
    let AMQPUri { authority, vhost, .. } = broker_url().parse().unwrap();
    let stream = TcpStream::connect((authority.host.as_str(), authority.port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut wire = Wire(stream);
    wire.0.write_all(b"AMQP\x00\x00\x09\x01").unwrap();
    wire.wait_for(10, 10);
    let user = authority.userinfo;
    let response = long(format!("\0{}\0{}", user.username, user.password).as_bytes());
    let start =
        [&[0, 10, 0, 11][..], &long(b""), &short(b"PLAIN"), &response, &short(b"en_US")].concat();
    wire.send(METHOD, 0, &start);
    let limits = wire.wait_for(10, 30);
    // The same limits, and no heartbeats.
    wire.send(METHOD, 0, &[&[0, 10, 0, 31][..], &limits[..6], &[0, 0]].concat());
    wire.send(METHOD, 0, &[&[0, 10, 0, 40][..], &short(vhost.as_bytes()), &[0, 0]].concat());
    wire.wait_for(10, 41);
    wire.send(METHOD, 1, &[0, 20, 0, 10, 0]);
    wire.wait_for(20, 11);
    let address = [&[0, 60, 0, 40, 0, 0, 0][..], &short(queue.as_bytes()), &[0]].concat();
    wire.send(METHOD, 1, &address);
    let flags = ((1_u16 << 13) | (1 << 5)).to_be_bytes();
    let size = u64::try_from(body.len()).unwrap().to_be_bytes();
    let properties = [&[0, 60, 0, 0][..], &size, &flags, &long(headers), &short(kind)].concat();
    wire.send(HEADER, 1, &properties);
    wire.send(BODY, 1, body);
    // Its answer comes after everything before it.
    wire.send(METHOD, 1, &[0, 20, 0, 40, 0, 200, 0, 0, 0, 0, 0]);
    wire.wait_for(20, 41);
}

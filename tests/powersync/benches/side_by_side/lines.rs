//! What the PowerSync service would send: a checkpoint, the rows, and that it is complete.

use std::io::Write as _;

use flate2::write::GzEncoder;
use flate2::{Compression, Crc};
use serde_json::{Map, Value, json};

/// Rows in one line; the service sends up to so many.
const ROWS: usize = 1_000;

/// A row to be synced.
pub struct Row {
    pub table: &'static str,
    pub id: String,
    /// Its columns: a JSON object.
    pub columns: String,
}

impl Row {
    /// Makes a row of a line of JSON; `id` names the field that becomes its id. What is no plain
    /// value becomes text, for columns hold nothing else.
    pub fn of(table: &'static str, line: &[u8], id: &str) -> Self {
        let mut fields: Map<String, Value> = serde_json::from_slice(line).unwrap();
        let id = fields.remove(id).unwrap().as_str().unwrap().to_owned();
        for value in fields.values_mut() {
            if value.is_object() || value.is_array() {
                *value = Value::String(value.to_string());
            }
        }
        Self { table, id, columns: Value::Object(fields).to_string() }
    }

    fn checksum(&self) -> u32 {
        let mut crc = Crc::new();
        crc.update(self.columns.as_bytes());
        crc.sum()
    }
}

/// Returns the lines of a first sync of these rows, each a BSON document.
pub fn of(rows: &[Row]) -> Vec<Vec<u8>> {
    let bucket = "by_courier[\"4849\"]";
    let sum = rows.iter().fold(0u32, |sum, row| sum.wrapping_add(row.checksum()));
    let last = rows.len().to_string();
    let checkpoint = json!({ "checkpoint": {
        "last_op_id": last,
        "buckets": [{ "bucket": bucket, "checksum": sum, "priority": 3, "count": rows.len() }],
    }});
    let mut lines = vec![bson(&checkpoint)];
    for (n, some) in (0..).step_by(ROWS).zip(rows.chunks(ROWS)) {
        let ops: Vec<_> = (n + 1..).zip(some).map(|(n, row)| op(n, row)).collect();
        lines.push(bson(&json!({ "data": { "bucket": bucket, "has_more": false, "data": ops }})));
    }
    lines.push(bson(&json!({ "checkpoint_complete": { "last_op_id": last }})));
    lines
}

fn op(n: u64, row: &Row) -> Value {
    json!({
        "op_id": n.to_string(),
        "op": "PUT",
        "object_type": row.table,
        "object_id": row.id,
        "checksum": row.checksum(),
        "data": row.columns,
    })
}

/// Writes a document as BSON; the numbers in it are whole.
fn bson(document: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    match document {
        Value::Object(fields) => fields.iter().for_each(|(name, it)| element(&mut out, name, it)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(n, it)| element(&mut out, &n.to_string(), it));
        }
        _ => unreachable!("a document is an object or a list"),
    }
    let length = i32::try_from(out.len() + 5).unwrap();
    [&length.to_le_bytes()[..], &out, &[0]].concat()
}

fn element(out: &mut Vec<u8>, name: &str, value: &Value) {
    let (kind, bytes) = match value {
        Value::String(text) => {
            let length = i32::try_from(text.len() + 1).unwrap();
            (2, [&length.to_le_bytes()[..], text.as_bytes(), &[0]].concat())
        }
        Value::Object(_) => (3, bson(value)),
        Value::Array(_) => (4, bson(value)),
        Value::Bool(truth) => (8, vec![u8::from(*truth)]),
        Value::Null => (10, Vec::new()),
        Value::Number(number) => (18, number.as_i64().unwrap().to_le_bytes().to_vec()),
    };
    out.push(kind);
    out.extend_from_slice(name.as_bytes());
    out.push(0);
    out.extend(bytes);
}

/// The bytes of all lines as one compressed stream, as the service sends them if it is asked to.
pub fn packed(lines: &[Vec<u8>]) -> usize {
    let mut zip = GzEncoder::new(Vec::new(), Compression::default());
    for line in lines {
        zip.write_all(line).unwrap();
    }
    zip.finish().unwrap().len()
}

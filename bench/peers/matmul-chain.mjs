/**
 * A graph for ONNX Runtime: a chain of square MatMulNBits, as exporters write them for language models, with blocks of 32 weights and
 * activations rounded to int8 (accuracy level 4). It is encoded here, in the few fields of onnx.proto that it takes.
 */
const BLOCK = 32;
const [FLOAT, UINT8, INT] = [1, 2, 2]; // of TensorProto.DataType, and of AttributeProto.AttributeType

function varint(value) {
  const bytes = [];
  for (let rest = BigInt(value); ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 127n) | 128);
  }
}

const integer = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
function bytes(field, ...parts) {
  const all = parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part));
  const length = all.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([varint((field << 3) | 2), varint(length), ...all]);
}

const attribute = (name, value) => bytes(5, bytes(1, name), integer(3, value), integer(20, INT));
const tensor = (name, type, shape, data) =>
  bytes(5, ...shape.map((length) => integer(1, length)), integer(2, type), bytes(8, name), bytes(9, data));
const value = (field, name, width) => {
  const shape = bytes(2, bytes(1, bytes(2, 'T')), bytes(1, integer(1, width)));
  return bytes(field, bytes(1, name), bytes(2, bytes(1, integer(1, FLOAT), shape)));
};

/** From input x0 to output `x${count}`, both [T, width]. */
export function chain(width, count, bits) {
  const weights = Buffer.alloc((width * width * bits) / 8);
  // Around the zero points 8 and 128, without the lowest code; then a product is about as large as what came in.
  const code = () => 1 + Math.floor((2 ** bits - 1) * Math.random());
  for (let i = 0; i < weights.length; i++) weights[i] = bits === 4 ? code() | (code() << 4) : code();
  const scale = 1 / (2 ** bits * Math.sqrt(width / 12));
  const scales = Buffer.from(new Float32Array((width * width) / BLOCK).fill(scale).buffer);
  const settings = { K: width, N: width, bits, block_size: BLOCK, accuracy_level: 4 };
  const attributes = Object.entries(settings).map(([name, number]) => attribute(name, number));
  const graph = [bytes(2, 'chain'), value(11, 'x0', width), value(12, `x${count}`, width)];
  for (let i = 0; i < count; i++) {
    const ends = [bytes(1, `x${i}`), bytes(1, `w${i}`), bytes(1, `s${i}`), bytes(2, `x${i + 1}`)];
    graph.push(bytes(1, ...ends, bytes(4, 'MatMulNBits'), bytes(7, 'com.microsoft'), ...attributes));
    graph.push(tensor(`w${i}`, UINT8, [width, width / BLOCK, (BLOCK * bits) / 8], weights));
    graph.push(tensor(`s${i}`, FLOAT, [(width * width) / BLOCK], scales));
  }
  const domains = [
    [bytes(1, ''), integer(2, 21)],
    [bytes(1, 'com.microsoft'), integer(2, 1)],
  ];
  return Buffer.concat([integer(1, 10), ...domains.map((domain) => bytes(8, ...domain)), bytes(7, ...graph)]);
}

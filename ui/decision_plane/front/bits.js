// Hands the marks of the server to the plane of the same key; nothing of it is seen.

const links = (globalThis[Symbol.for("llkd.decision-plane")] ??= new Map());

export default function ({ data }) {
  if (!data) return;
  const bytes = data.length ? data : new Uint8Array(data);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const { key } = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const link = links.get(key) ?? {};
  link.brush = bytes;
  links.set(key, link);
  link.plane?.mark(bytes);
  return () => {
    link.brush = null;
    link.plane?.mark(null);
  };
}

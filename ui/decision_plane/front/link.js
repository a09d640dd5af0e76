// Hands what the server says to the plane of the same key; nothing of it is seen.

const links = (globalThis[Symbol.for("llkd.decision-plane")] ??= new Map());

export default function ({ data }) {
  const link = links.get(data.key) ?? {};
  link.settings = data;
  links.set(data.key, link);
  link.plane?.apply(data);
  return () => (link.settings = null);
}

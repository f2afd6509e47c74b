// Carries actions from the desk to the server and its answers back. The desk itself is sent once; only this small
// component is drawn again for each action. They talk by events, as neither holds the other.
export default function ({ data, setStateValue, parentElement }) {
  parentElement.unlink?.();
  const answer = () => data.ack && window.dispatchEvent(new CustomEvent("telltale:ack", { detail: data.ack }));
  const send = (event) => event.detail.item === data.item && setStateValue("sent", event.detail);
  window.addEventListener("telltale:send", send);
  window.addEventListener("telltale:hello", answer);
  parentElement.unlink = () => {
    window.removeEventListener("telltale:send", send);
    window.removeEventListener("telltale:hello", answer);
  };
  answer();
  return parentElement.unlink;
}

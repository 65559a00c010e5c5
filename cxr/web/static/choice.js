// What the reader chooses in the list goes to the server from here. The list is drawn by itself while
// films are scored: told from there, it would be drawn once more before the film that was asked for.

let turn = 0;

export default function ({ setStateValue }) {
  // Counted, since a film may be chosen again after another one was opened in another way.
  document.cxrChoose = (number) => {
    setStateValue("chosen", [number, ++turn]);
    return turn;
  };
}

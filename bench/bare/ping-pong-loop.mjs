/** The bare limit at depth 1: two functions that answer each other through one array queue. */
export function bounce(hits) {
  const queue = [];
  const players = [
    { total: 0, left: hits / 2, peer: undefined },
    { total: 0, left: hits / 2, peer: undefined },
  ];
  players[0].peer = players[1];
  players[1].peer = players[0];
  const handle = (player, message) => {
    player.total += message.n;
    player.left -= 1;
    if (player.left >= 0 && !(player.left === 0 && player === players[1])) {
      queue.push(player.peer, { type: 'inc', n: 1, id: 'abc' });
    }
  };
  queue.push(players[0], { type: 'inc', n: 1, id: 'abc' });
  while (queue.length > 0) {
    const message = queue.pop();
    handle(queue.pop(), message);
  }
  return players[0].total + players[1].total;
}

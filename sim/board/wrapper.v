// A serial engine as sim/board/loop.cpp drives it. There is no reset: registers start with their
// initial values, as in an FPGA that was just configured.
module tenzo_simulated_board(
  input clk,
  input rx,
  output tx,
  output busy
);
  tenzo_board board(
    .clk(clk),
    .rst(1'b0),
    .rx(rx),
    .tx(tx),
    .busy(busy)
  );
endmodule

// An engine as sim/native/loop.cpp drives it. A register in front of each stream keeps the inputs of
// the model out of the engine's logic, which would be evaluated twice a cycle otherwise. There is no
// reset: registers start with their initial values, as in an FPGA that was just configured.
module tenzo_native(
  input clk,
  input i__valid,
  input [32:0] i__payload,
  output i__ready,
  output o__valid,
  output [32:0] o__payload
);
  reg valid = 1'b0;
  reg [32:0] payload = 33'd0;
  wire ready;

  assign i__ready = ready | ~valid;

  always @(posedge clk) begin
    if (i__ready) begin
      valid <= i__valid;
      payload <= i__payload;
    end
  end

  tenzo_engine engine(
    .clk(clk),
    .rst(1'b0),
    .i__valid(valid),
    .i__payload(payload),
    .i__ready(ready),
    .o__valid(o__valid),
    .o__payload(o__payload),
    .o__ready(1'b1)
  );
endmodule
